//! Messages that were deleted for everyone: their text is gone everywhere, unless a setting keeps it for audit logs.

use switchboard::pb::ingest_event::{self, Event};

use super::stream::connector::Connector;
use super::stream::message_with_body;
use crate::support::World;

const CHAT: &str = "15550109001@s.whatsapp.net";

#[tokio::test]
async fn text_of_deleted_message_is_kept_for_audit_logs_if_set() {
    for (flags, is_kept) in [(vec![], false), (vec!["--keep-deleted-text"], true)] {
        let world = World::start_with("127.0.0.1:0", &flags).await;
        let key = world.key("ingest").await;
        let (mut connector, _) = Connector::open(&world.url(), &key, "").await.expect("open");
        connector.apply(1, message_with_body("A", "topsecret")).await;
        connector.acknowledged(1).await.expect("acknowledged");
        let (id, chat) = ("A".to_owned(), CHAT.to_owned());
        let message = Some(ingest_event::MessageReference { id, chat, ..Default::default() });
        connector.apply(2, Event::DeleteMessage(ingest_event::DeleteMessage { message })).await;
        connector.acknowledged(2).await.expect("acknowledged");

        let logs = world.rest().get("/v1/chats/15550109001/audit-logs").await.expect(200).text();
        assert_eq!(logs.contains("topsecret"), is_kept, "{logs}");
        let text = ["/v1/chats/15550109001", "/v1/chats/15550109001/messages", "/v1/chats/messages"];
        for path in text {
            let answer = world.rest().get(path).await.expect(200).text();
            assert!(answer.contains("is_deleted") && !answer.contains("topsecret"), "{path}: {answer}");
        }
        let found = world.rest().get("/v1/chats/messages:search?query=topsecret").await.expect(200).json();
        assert_eq!(found["count"], 0);
        let stored = "SELECT (SELECT count(*) FROM messages m WHERE m::text LIKE '%topsecret%')
            + (SELECT count(*) FROM events e WHERE e::text LIKE '%topsecret%')";
        assert_eq!(world.sql().value(stored), i64::from(is_kept));
    }
}
