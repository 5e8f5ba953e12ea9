//! What a merge of two chats keeps of each.

use serde_json::{Value, json};

use super::super::TestOrg;
use super::{LID, PHONE, link, message};

/// The chat and the contact after the chats with these events are merged.
async fn merged(events: &[Value]) -> (Value, Value) {
    let inbox = TestOrg::new().await;
    inbox.accept(&[message(LID, "A", 1), message(PHONE, "B", 2)]).await;
    inbox.accept(events).await;
    inbox.accept(&[link(LID)]).await;
    let chat = inbox.row(
        "SELECT type, description, invite_link, info_admins_only, messages_admins_only, add_members_admins_only,
                member_add_mode FROM chats WHERE org_id = $org",
    );
    (chat, inbox.row("SELECT is_internal FROM contacts WHERE org_id = $org")["is_internal"].clone())
}

#[tokio::test]
async fn merge_takes_over_every_field_of_the_lids_chat() {
    let chat = json!({"chat": {"jid": LID, "type": "business", "description": "Florist", "inviteLink": "https://wa.me/1",
        "infoAdminsOnly": true, "messagesAdminsOnly": false, "addMembersAdminsOnly": true, "memberAddMode": "admin_add"}});
    let contact = json!({"contact": {"id": LID, "isInternal": true}});
    let expected = json!({"type": "business", "description": "Florist", "invite_link": "https://wa.me/1",
        "info_admins_only": true, "messages_admins_only": false, "add_members_admins_only": true,
        "member_add_mode": "admin_add"});
    assert_eq!(merged(&[chat, contact]).await, (expected, json!(true)));
}

#[tokio::test]
async fn reported_default_of_the_phone_number_stays() {
    let chat = |jid: &str, kind: &str| json!({"chat": {"jid": jid, "type": kind}});
    let contact = |id: &str, is_internal: bool| json!({"contact": {"id": id, "isInternal": is_internal}});
    let events = [chat(PHONE, "dm"), chat(LID, "business"), contact(PHONE, false), contact(LID, true)];
    let (chat, is_internal) = merged(&events).await;
    assert_eq!((&chat["type"], is_internal), (&json!("user"), json!(false)));
}
