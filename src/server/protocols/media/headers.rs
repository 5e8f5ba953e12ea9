//! Headers of media files: strangers chose the bytes, so a browser must neither guess their type nor run them.

use http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use crate::actions::media::MediaFile;

/// No scripts, no forms, no plugins, and an origin of its own.
const POLICY: HeaderValue = HeaderValue::from_static("default-src 'none'; sandbox");

/// Types that a page may show. No SVG, which is a document with scripts.
const SHOWN: [&str; 23] = [
    "image/jpeg",
    "image/png",
    "image/gif",
    "image/webp",
    "image/avif",
    "image/heic",
    "image/bmp",
    "audio/aac",
    "audio/amr",
    "audio/flac",
    "audio/mp4",
    "audio/mpeg",
    "audio/ogg",
    "audio/opus",
    "audio/wav",
    "audio/webm",
    "audio/x-wav",
    "video/3gpp",
    "video/mp4",
    "video/ogg",
    "video/quicktime",
    "video/webm",
    "video/mpeg",
];

const UNKNOWN: &str = "application/octet-stream";

/// Writes what the response says about the file.
pub fn write(headers: &mut HeaderMap, file: &MediaFile) {
    let mime_type = file.mime_type.as_deref().unwrap_or(UNKNOWN);
    let value = HeaderValue::from_str(mime_type).unwrap_or(HeaderValue::from_static(UNKNOWN));
    headers.insert(CONTENT_TYPE, value);
    headers.insert(CONTENT_SECURITY_POLICY, POLICY);
    let disposition = disposition(mime_type, file.file_name.as_deref());
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
}

/// Whether the file is shown or saved, and its name (RFC 6266): in ASCII, and in UTF-8 for clients since 2011.
fn disposition(mime_type: &str, file_name: Option<&str>) -> String {
    let essence = mime_type.split(';').next().unwrap_or_default().trim();
    let kind = if SHOWN.contains(&essence) { "inline" } else { "attachment" };
    // A path would be that of the sender's device.
    let name = file_name.and_then(|name| name.rsplit(['/', '\\']).next()).unwrap_or_default();
    let name: String = name.chars().filter(|c| !c.is_control()).take(200).collect();
    if name.is_empty() {
        return kind.to_owned();
    }
    let ascii = |c: char| if c == ' ' || (c.is_ascii_graphic() && c != '"' && c != '%') { c } else { '_' };
    let plain: String = name.chars().map(ascii).collect();
    let encoded = |byte: u8| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    let utf8: String = name.bytes().map(encoded).collect();
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{utf8}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_images_audio_and_videos_are_shown() {
        assert_eq!(disposition("image/jpeg", None), "inline");
        assert_eq!(disposition("audio/ogg; codecs=opus", None), "inline");
        for saved in ["image/svg+xml", "text/html", "application/pdf", "application/xhtml+xml", ""] {
            assert_eq!(disposition(saved, None), "attachment", "{saved}");
        }
    }

    #[test]
    fn file_name_cannot_end_the_header() {
        let name = "../a\"b\r\nx: y\\Prüfung 1%.pdf";
        let expected = "attachment; filename=\"Pr_fung 1_.pdf\"; filename*=UTF-8''Pr%C3%BCfung%201%25.pdf";
        assert_eq!(disposition("application/pdf", Some(name)), expected);
        assert_eq!(
            disposition("application/pdf", Some("a\"b\r\n.pdf")),
            "attachment; filename=\"a_b.pdf\"; filename*=UTF-8''a%22b.pdf"
        );
    }
}
