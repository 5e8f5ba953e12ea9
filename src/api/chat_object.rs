//! Chats as the chat API returns them.

use crate::ids::OrgId;
use crate::pb::{Chat, ChatMember};
use crate::store::chats::{ChatView, MemberView};
use crate::store::message_lists::ListedMessage;

use super::messages::chat_message;

pub(super) fn chat_object(org: OrgId, view: ChatView) -> Chat {
    let ChatView { shared, held, phone, is_muted, latest_message } = view;
    let (org_id, chat_id, org_phone) = (org.to_string(), shared.chat_id, format!("{phone}@c.us"));
    let latest_message = latest_message.map(|message| {
        chat_message(org, ListedMessage { chat_id: chat_id.clone(), phone: phone.clone(), message })
    });
    let members = shared.members.into_iter();
    let members = members.map(|member| chat_member(&org_id, &chat_id, &org_phone, member)).collect();
    // The store returns labels in the order of their names.
    let (label_ids, labels) = shared.labels.into_iter().map(|(id, name)| ((id, true), name)).unzip();
    let properties = shared.properties.into_iter().map(|(id, value)| (id, value.0.0)).collect();
    Chat {
        org_id,
        chat_id,
        chat_name: shared.name,
        chat_image: shared.image,
        chat_type: shared.type_,
        org_phone,
        chat_org_phones: shared.org_phones,
        members,
        member_count: shared.member_count,
        common_chats: shared.common_chats,
        assigned_to: shared.assigned_to,
        chat_access: shared.access.into_iter().collect(),
        label_ids,
        labels,
        custom_properties: Some(prost_types::Struct { fields: properties }),
        hubspot_metadata: Some(shared.hubspot_metadata.0.0),
        flag_count_map: None,
        is_muted: is_muted.unwrap_or_default(),
        is_exited: held.exited,
        is_archived: held.archived,
        is_pinned: held.pinned,
        group_description: shared.description,
        invite_link: shared.invite_link,
        info_admins_only: shared.info_admins_only,
        messages_admins_only: shared.messages_admins_only,
        add_members_admins_only: shared.add_members_admins_only,
        member_add_mode: shared.member_add_mode,
        message_unread_count: held.unread.map(i64::from),
        closed_at: shared.closed_at.map(Into::into),
        created_at: shared.created_at.map(Into::into),
        updated_at: Some(shared.updated_at.into()),
        latest_message,
    }
}

/// A member, by its contact id.
fn chat_member(org_id: &str, chat_id: &str, org_phone: &str, member: MemberView) -> (String, ChatMember) {
    let key = member.contact_id.clone();
    let member = ChatMember {
        org_id: org_id.to_owned(),
        chat_id: chat_id.to_owned(),
        org_phone: org_phone.to_owned(),
        contact_id: member.contact_id,
        contact_name: member.name,
        contact_color: member.color,
        contact_image: member.image,
        is_admin: member.is_admin,
        is_super_admin: member.is_super_admin,
        is_internal: member.is_internal,
    };
    (key, member)
}
