//! What `demo` prints: the ids, and commands to copy and paste.

use super::data::{GROUP, NAME, ORG, PERSON, SESSIONS};
use crate::config::Secret;

/// The organization, its key and its sessions.
pub(super) fn summary(key: &Secret) -> String {
    let mut text = format!("Organization {NAME}: {ORG}\nAPI key: {}\n", key.expose());
    for session in &SESSIONS {
        text += &format!("Session of {} ({}): {}\n", session.phone, session.label, session.session_id);
    }
    text
}

/// Commands to try on a server at that URL.
pub(super) fn commands(key: &Secret, url: &str) -> String {
    let key = key.expose();
    let [support, _] = &SESSIONS;
    let phone = support.phone;
    let auth = format!("-H 'Authorization: Bearer {key}'");
    let json = "-H 'Content-Type: application/json'";
    let chat = format!("{url}/v1/chats/{PERSON}@c.us");
    let session_chat = format!("{url}/api/v1/sessions/{}/chats/{PERSON}@s.whatsapp.net", support.session_id);
    let update = r#"{"assigned_to":"agent@acme.example","labels":"vip, follow-up","custom_properties":{"stage":"quoted"}}"#;
    let commands = [
        ("The inbox: open it in a browser, and sign in with the API key", format!("{url}/inbox")),
        ("The reference of the API, with a quick start for each protocol", format!("{url}/docs")),
        ("A chat", format!("curl -s {chat} {auth} -H 'x-phone: {phone}'")),
        ("Assign and label it", format!("curl -s -X PATCH {chat} {auth} {json} \\\n  -d '{update}'")),
        (
            "Send a message to the simulated person, who answers within seconds",
            format!(
                "curl -s {url}/v1/message/send {auth} -H 'x-phone: {phone}' {json} \\\n  \
                 -d '{{\"chat_id\":\"{PERSON}@c.us\",\"message\":\"See you at three\"}}'"
            ),
        ),
        ("Read the answer", format!("curl -s '{chat}/messages?limit=2' {auth} -H 'x-phone: {phone}'")),
        ("A group", format!("curl -s {url}/v1/chats/{GROUP} {auth}")),
        ("The chat in its session", format!("curl -s {session_chat} {auth}")),
        ("Pin it", format!("curl -s -X PATCH {session_chat} {auth} {json} \\\n  -d '{{\"pinned\":true}}'")),
        (
            "The chat over gRPC, with Node's npx",
            format!(
                "npx --yes @bufbuild/buf curl --protocol grpc --http2-prior-knowledge \\\n  \
                 -H 'authorization: Bearer {key}' -H 'x-phone: {phone}' -d '{{\"chatId\":\"{PERSON}@c.us\"}}' \\\n  \
                 {url}/switchboard.v1.ChatService/GetChat"
            ),
        ),
    ];
    commands.iter().map(|(title, command)| format!("\n# {title}\n{command}\n")).collect()
}
