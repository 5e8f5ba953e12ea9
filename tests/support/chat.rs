//! A chat as the tests name it.

/// A chat with one person.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chat {
    /// The person's number in digits.
    pub digits: String,
    /// `<digits>@c.us`
    pub id: String,
    /// `<digits>@s.whatsapp.net`
    pub jid: String,
    /// Where the chat API has it: `/v1/chats/<id>`.
    pub path: String,
    /// Where the session API has it: `/api/v1/sessions/<session>/chats/<jid>`.
    pub session_path: String,
}

impl AsRef<str> for Chat {
    fn as_ref(&self) -> &str {
        &self.path
    }
}

impl Chat {
    /// The chat with that person in that session.
    pub fn new(digits: &str, session: &str) -> Self {
        let (id, jid) = (format!("{digits}@c.us"), format!("{digits}@s.whatsapp.net"));
        let path = format!("/v1/chats/{id}");
        let session_path = format!("/api/v1/sessions/{session}/chats/{jid}");
        Self { digits: digits.to_owned(), id, jid, path, session_path }
    }
}
