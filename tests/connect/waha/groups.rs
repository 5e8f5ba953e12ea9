//! Groups as a sync reads them.

use serde_json::{Value, json};
use switchboard::pb::ingest_event::{Chat, Event};

use super::client::pulled;
use super::server::{PHONE, Waha};
use super::{TEAM, gateway};

/// What a sync reports of the group.
async fn listed(group: Value) -> Chat {
    let waha = Waha::start().await;
    waha.state().groups.push(group);
    let (events, _) = pulled(&*gateway(&waha), None).await;
    let mut chats =
        events.into_iter().filter_map(|event| if let Event::Chat(chat) = event { Some(chat) } else { None });
    chats.find(|chat| chat.jid == TEAM).expect("the group")
}

#[tokio::test]
async fn group_that_lists_the_session_is_not_left() {
    let own = format!("{PHONE}@s.whatsapp.net");
    // The second one is the session's own LID.
    for (id, expected) in [(&*own, Some(false)), ("998877@lid", Some(false)), ("15550101001@c.us", None)] {
        let members = json!([{ "id": "15550101002@c.us" }, { "id": id }]);
        let group = listed(json!({ "id": TEAM, "subject": "Team", "participants": members })).await;
        assert_eq!(group.exited, expected, "{id}");
    }
    assert_eq!(listed(json!({ "id": TEAM, "subject": "Team" })).await.exited, None);
}

#[tokio::test]
async fn removed_description_of_a_group_is_cleared() {
    for (group, description, is_cleared) in [
        (json!({ "JID": TEAM, "Name": "Team", "Topic": "" }), None, true),
        (json!({ "JID": TEAM, "Name": "Team", "Topic": "Plans" }), Some("Plans"), false),
        (json!({ "id": TEAM, "subject": "Team", "desc": "" }), None, true),
        (json!({ "id": TEAM, "subject": "Team" }), None, false),
    ] {
        let shown = listed(group.clone()).await;
        let cleared = shown.cleared.map(|mask| mask.paths).unwrap_or_default();
        assert_eq!((shown.description.as_deref(), !cleared.is_empty()), (description, is_cleared), "{group}");
        assert!(cleared.iter().all(|field| field == "description"), "{cleared:?}");
    }
}
