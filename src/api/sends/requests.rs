//! Requests to send messages as the inputs of the action.

use crate::actions::sends::{FileSource, NewContent, SendContent};
use crate::error::{Error, Result};
use crate::ids::ChatAddress;
use crate::pb::{
    OutgoingLocation, OutgoingMedia, OutgoingPoll, OutgoingTemplate, SendMessageRequest,
    SendSessionMessageRequest, SessionPoll,
};

/// The parts of a message in a request; `text_field` is the name of its text there.
struct Parts {
    text_field: &'static str,
    text: String,
    link_preview: bool,
    mentions: Vec<String>,
    media: Option<OutgoingMedia>,
    poll: Option<SendContent>,
    location: Option<OutgoingLocation>,
    vcards: Vec<String>,
    template: Option<OutgoingTemplate>,
}

/// The content of a request of the chat API.
pub(super) fn message(request: SendMessageRequest) -> Result<NewContent> {
    let SendMessageRequest { message, media, reply_to, poll, options, location, vcards, template, .. } =
        request;
    let link_preview = !options.is_some_and(|options| options.hide_url_preview);
    let mentions = mentions(&request.mentions, ChatAddress::from_chat_id);
    let poll = poll.map(|OutgoingPoll { poll_name: question, poll_options: options, options: more }| {
        let multiple = more.is_some_and(|more| more.allow_multiple_answers);
        SendContent::Poll { question, options, multiple }
    });
    let parts = Parts {
        text_field: "message",
        text: message,
        link_preview,
        mentions,
        media,
        poll,
        location,
        vcards,
        template,
    };
    Ok(NewContent { content: parts.content()?, reply_to: reply_to.filter(|id| !id.is_empty()) })
}

/// The content of a request of the session API.
pub(crate) fn session_message(request: SendSessionMessageRequest) -> Result<NewContent> {
    let SendSessionMessageRequest {
        text,
        media,
        reply_to,
        poll,
        location,
        vcards,
        template,
        link_preview,
        ..
    } = request;
    let (link_preview, mentions) = (link_preview.unwrap_or(true), mentions(&request.mentions, str::parse));
    let poll = poll.map(|SessionPoll { question, options, multiple }| SendContent::Poll {
        question,
        options,
        multiple,
    });
    let parts =
        Parts { text_field: "text", text, link_preview, mentions, media, poll, location, vcards, template };
    Ok(NewContent { content: parts.content()?, reply_to: reply_to.filter(|id| !id.is_empty()) })
}

/// Contacts in canonical spelling; the constraints have checked them.
fn mentions<E>(given: &[String], parse: impl Fn(&str) -> std::result::Result<ChatAddress, E>) -> Vec<String> {
    given.iter().filter_map(|text| Some(parse(text).ok()?.to_string())).collect()
}

impl Parts {
    fn content(self) -> Result<SendContent> {
        let text_field = self.text_field;
        let vcards = Some(self.vcards).filter(|vcards| !vcards.is_empty());
        let text = Some(self.text).filter(|text| !text.is_empty());
        let given = [
            ("media", self.media.is_some()),
            (text_field, text.is_some() && self.media.is_none()),
            ("poll", self.poll.is_some()),
            ("location", self.location.is_some()),
            ("vcards", vcards.is_some()),
            ("template", self.template.is_some()),
        ];
        let mut given = given.into_iter().filter(|(_, is_given)| *is_given).map(|(field, _)| field);
        let first = given.next().ok_or_else(|| {
            Error::invalid(
                text_field,
                "is missing: a message has a text, media, a poll, a location, vcards or a template",
            )
        })?;
        if let Some(other) = given.next() {
            return Err(Error::invalid(other, format_args!("must not be beside {first}")));
        }
        let (link_preview, mentions) = (self.link_preview, self.mentions);
        let others = [
            self.media.map(|file| media(file, text.clone())),
            text.map(|body| Ok(SendContent::Text { body, link_preview, mentions })),
            self.poll.map(Ok),
            self.location.map(place),
            vcards.map(|vcards| Ok(SendContent::Contacts { vcards })),
            self.template.map(template_content),
        ];
        others
            .into_iter()
            .flatten()
            .next()
            .unwrap_or_else(|| Err(Error::internal("a message without content")))
    }
}

fn media(media: OutgoingMedia, caption: Option<String>) -> Result<SendContent> {
    let OutgoingMedia { r#type: kind, url, filedata, filename, mimetype } = media;
    let is_web = url.starts_with("https://");
    let file = match (url.is_empty(), filedata.is_empty()) {
        (false, true) if is_web => FileSource::Url(url),
        (false, true) => return Err(Error::invalid("media.url", "must be an https URL")),
        (true, false) => FileSource::Bytes(filedata.into()),
        (true, true) | (false, false) => {
            return Err(Error::invalid("media", "must have either url or filedata"));
        }
    };
    let file_name = Some(filename).filter(|name| !name.is_empty());
    let fallback = match kind.as_str() {
        "image" => "image/jpeg",
        "video" => "video/mp4",
        "audio" | "voice" => "audio/ogg",
        "sticker" => "image/webp",
        _ => "application/octet-stream",
    };
    let mime_type = if mimetype.is_empty() { fallback.to_owned() } else { mimetype };
    Ok(SendContent::Media { kind, mime_type, file_name, caption, file })
}

fn place(location: OutgoingLocation) -> Result<SendContent> {
    let OutgoingLocation { latitude, longitude, name, address } = location;
    let degrees = |field: &str, value: Option<f64>, most: f64| {
        let value = value.filter(|value| value.abs() <= most);
        value.ok_or_else(|| Error::invalid(field, format_args!("must be from -{most} to {most} degrees")))
    };
    let latitude = degrees("location.latitude", latitude, 90.0)?;
    let longitude = degrees("location.longitude", longitude, 180.0)?;
    Ok(SendContent::Location { latitude, longitude, name, address })
}

fn template_content(template: OutgoingTemplate) -> Result<SendContent> {
    let OutgoingTemplate { name, language, components } = template;
    SendContent::template(name, language, components.unwrap_or_default())
}
