//! Webhooks in any order, repeated and lost, and one sync after them end in the same stored copy as all of them in order.
//!
//! What WAHA does not keep is lost with its webhook, and not compared: when a message was delivered and read, and the text
//! before an edit or a deletion. `make converge` runs 1,000 schedules.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use switchboard::actions::ingest::{self, IngestEvent, SessionScope};
use switchboard::connect::budget::Budget;
use switchboard::connect::gateway::Gateway;

use super::server::{KEY, Waha, text};
use super::{TEAM, gateway_of};
use crate::ingest::{NUMBER, TestOrg};
use crate::support::Cluster;

const BASE: i64 = 1_760_000_000;
const HIDDEN: &str = "189412345001@lid";
const CHATS: [&str; 4] = ["15550101001@c.us", "15550101002@c.us", HIDDEN, TEAM];
const MEMBERS: [&str; 3] = ["15550101001@c.us", "15550101002@c.us", "15550101003@c.us"];
const STEPS: i64 = 30;

/// Numbers that look random, the same ones for the same seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 % end as u64).expect("a small number")
    }

    fn of<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len())]
    }
}

/// What happened at WhatsApp: the server knows it, and these are its webhooks.
struct Script {
    waha: Waha,
    dice: Dice,
    webhooks: Vec<Value>,
    members: Vec<Value>,
}

impl Script {
    async fn new(seed: u64) -> Self {
        let waha = Waha::start().await;
        let members = MEMBERS.map(|id| json!({ "id": id, "admin": null })).to_vec();
        waha.state().contacts.push(json!({ "id": MEMBERS[1], "name": "Ravi (book)", "pushname": "Ravi" }));
        waha.state().has_all = seed.is_multiple_of(2);
        let dice = Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        let mut script = Self { waha, dice, webhooks: Vec::new(), members };
        (1..=STEPS).for_each(|step| script.step(step));
        let group = json!({ "id": TEAM, "subject": "Team", "participants": script.members });
        script.waha.state().groups.push(group);
        script
    }

    fn webhook(&mut self, event: &str, at: i64, payload: Value) {
        let id = format!("evt_{:026}", self.webhooks.len());
        self.webhooks.push(json!({
            "id": id, "timestamp": at * 1000 + 250, "event": event, "session": "default", "engine": "GOWS",
            "me": { "id": format!("{NUMBER}@c.us") }, "payload": payload,
        }));
    }

    fn step(&mut self, step: i64) {
        let at = BASE + step * 7;
        let chat = *self.dice.of(&CHATS);
        match self.dice.below(14) {
            0..=4 => self.message(step, at, chat, false),
            5 | 6 => self.message(step, at, chat, true),
            7 => self.change(at, false, |message, at| {
                message["body"] = format!("edited at {at}").into();
                message["_data"]["latestEditSenderTimestampMs"] = (at * 1000).into();
            }),
            8 => self.change(at, true, |message, _| {
                message["_data"]["type"] = "revoked".into();
                message["body"] = Value::Null;
            }),
            9 => self.react(at),
            10 => self.ack(at),
            11 => self.archive(at, chat),
            12 => {
                if let Some(listed) = self.waha.state().chats.get_mut(chat) {
                    listed["unreadCount"] = 0.into();
                }
            }
            _ => self.promote(at),
        }
    }

    fn message(&mut self, step: i64, at: i64, chat: &str, from_me: bool) {
        let author = (chat == TEAM).then(|| *self.dice.of(&MEMBERS)).filter(|_| !from_me);
        let id = format!(
            "{from_me}_{chat}_3EB0{step:04}{}",
            author.map(|id| format!("_{id}")).unwrap_or_default()
        );
        let mut message = text(&id, &format!("text {step}"), at);
        message["_data"]["notifyName"] = format!("Name of {}", author.unwrap_or(chat)).into();
        if chat == HIDDEN {
            let key = json!({ "remoteJid": HIDDEN, "remoteJidAlt": "15550101009@s.whatsapp.net" });
            message["_data"]["key"] = key;
        }
        let mut state = self.waha.state();
        state.add(message.clone());
        let listed = state.chats.get_mut(chat).expect("the chat");
        if !from_me {
            listed["unreadCount"] = (listed["unreadCount"].as_i64().unwrap_or(0) + 1).into();
        }
        drop(state);
        self.webhook("message.any", at, message);
    }

    /// A message that is not deleted and satisfies the condition.
    fn pick(&mut self, condition: impl Fn(&Value) -> bool) -> Option<String> {
        let state = self.waha.state();
        let found = state.messages.iter().filter(|it| it["_data"]["type"] == "chat" && condition(it));
        let ids: Vec<String> = found.filter_map(|it| Some(it["id"].as_str()?.to_owned())).collect();
        drop(state);
        (!ids.is_empty()).then(|| self.dice.of(&ids).clone())
    }

    fn change(&mut self, at: i64, deletes: bool, change: impl Fn(&mut Value, i64)) {
        let is_first = |it: &Value| it["_data"].get("latestEditSenderTimestampMs").is_none();
        let Some(id) = self.pick(is_first) else { return };
        let mut state = self.waha.state();
        let message = state.message(&id).expect("a message");
        let before = message.clone();
        change(message, at);
        let mut after = message.clone();
        drop(state);
        let bare = id.split('_').nth(2).expect("an id").to_owned();
        if deletes {
            let payload = json!({ "before": before, "after": after, "revokedMessageId": bare });
            return self.webhook("message.revoked", at, payload);
        }
        after["editedMessageId"] = bare.into();
        self.webhook("message.edited", at, after);
    }

    fn react(&mut self, at: i64) {
        let Some(id) = self.pick(|_| true) else { return };
        let chat = id.split('_').nth(1).expect("a chat").to_owned();
        let by = if chat == TEAM { MEMBERS[0] } else { &chat };
        let emoji = *self.dice.of(&["👍", "🙏"]);
        let key = json!({ "fromMe": false, "remoteJid": chat, "participant": (chat == TEAM).then_some(by) });
        let reaction = json!({ "key": key, "text": emoji, "senderTimestampMs": at * 1000 });
        self.waha.state().message(&id).expect("a message")["_data"]["reactions"] = json!([reaction]);
        let suffix = if chat == TEAM { format!("_{by}") } else { String::new() };
        let payload = json!({
            "id": format!("false_{chat}_3EB0R{at}{suffix}"), "timestamp": at, "fromMe": false, "from": chat, "participant": by,
            "reaction": { "text": emoji, "messageId": id },
        });
        self.webhook("message.reaction", at, payload);
    }

    fn ack(&mut self, at: i64) {
        let is_sent =
            |it: &Value| it["fromMe"] == true && !it["id"].as_str().unwrap_or_default().contains(TEAM);
        let Some(id) = self.pick(is_sent) else { return };
        let mut state = self.waha.state();
        let message = state.message(&id).expect("a message");
        let ack = (message["ack"].as_i64().unwrap_or(1) + 1).min(3);
        message["ack"] = ack.into();
        drop(state);
        let payload = json!({ "id": id, "from": id.split('_').nth(1), "fromMe": true, "ack": ack, "participant": null });
        self.webhook("message.ack", at, payload);
    }

    fn archive(&mut self, at: i64, chat: &str) {
        let mut state = self.waha.state();
        let Some(listed) = state.chats.get_mut(chat) else { return };
        let archived = listed["archived"] != true;
        listed["archived"] = archived.into();
        drop(state);
        self.webhook("chat.archive", at, json!({ "id": chat, "archived": archived, "timestamp": at - 50 }));
    }

    fn promote(&mut self, at: i64) {
        if !self.waha.state().chats.contains_key(TEAM) {
            return;
        }
        let place = self.dice.below(self.members.len());
        let is_admin = self.members[place]["admin"] == "admin";
        self.members[place]["admin"] = if is_admin { Value::Null } else { "admin".into() };
        let kind = if is_admin { "demote" } else { "promote" };
        let member = json!({ "id": self.members[place]["id"], "role": "participant" });
        let payload = json!({ "type": kind, "timestamp": at * 1000, "group": { "id": TEAM }, "participants": [member] });
        self.webhook("group.v2.participants", at, payload);
    }

    /// The webhooks as they may arrive: some lost, some twice, in another order.
    fn schedule(&mut self) -> Vec<Value> {
        let mut arrivals = Vec::new();
        for webhook in self.webhooks.clone() {
            let times = *self.dice.of(&[0, 0, 1, 1, 1, 1, 2]);
            arrivals.extend((0..times).map(|_| (self.dice.below(1_000_000), webhook.clone())));
        }
        arrivals.sort_by_key(|(place, _)| *place);
        arrivals.into_iter().map(|(_, webhook)| webhook).collect()
    }
}

async fn store(org: &TestOrg, events: Vec<IngestEvent>) {
    let of_session = |event| IngestEvent { session: NUMBER.to_owned(), ..event };
    let events: Vec<IngestEvent> = events.into_iter().map(of_session).collect();
    let outcomes =
        ingest::apply(&org.store, &SessionScope::all(org.org), events.clone()).await.expect("a database");
    for (event, outcome) in events.iter().zip(outcomes) {
        outcome.unwrap_or_else(|error| panic!("{event:?}: {error}"));
    }
}

/// Stores webhooks one by one, then syncs. Returns the copy.
async fn copy_after(
    org: TestOrg,
    gateway: &Arc<dyn Gateway>,
    webhooks: &[Value],
) -> Vec<(&'static str, Vec<Value>)> {
    for webhook in webhooks {
        let mapped = gateway.map(webhook).unwrap_or_else(|problem| panic!("{webhook}: {problem}"));
        store(&org, mapped.events).await;
    }
    let (mut cursor, budget) = (None, Budget::per_minute(60_000));
    loop {
        let page = gateway.pull(None, cursor.as_ref(), &budget).await.expect("a page");
        store(&org, page.mapped.events).await;
        cursor = page.cursor;
        if cursor.is_none() {
            break;
        }
    }
    let mut copy = org.copy();
    for (_, rows) in copy.iter_mut().filter(|(table, _)| table.starts_with("message")) {
        rows.iter_mut().for_each(forget_what_webhooks_alone_say);
    }
    copy
}

fn forget_what_webhooks_alone_say(message: &mut Value) {
    let fields = message.as_object_mut().expect("a row");
    for name in ["delivery", "first_body", "field_times", "updated_at"] {
        fields.remove(name);
    }
    if let Some(Value::Object(details)) = fields.get_mut("details") {
        details.remove("prev_body");
        if details.get("is_deleted") == Some(&Value::Bool(true)) {
            for name in ["type", "details", "body"] {
                fields.remove(name);
            }
        }
    }
}

#[tokio::test]
async fn any_schedule_of_webhooks_and_a_sync_end_in_one_copy() {
    let schedules =
        std::env::var("CONVERGE").map_or(20, |count| count.parse().expect("a number of schedules"));
    let database = Cluster::get().await.migrated_database().await;
    for seed in 1..=schedules {
        let mut script = Script::new(seed).await;
        let schedule = script.schedule();
        let gateway = gateway_of(script.waha.url(), KEY, NUMBER, Duration::from_secs(10));
        let whole = copy_after(TestOrg::on(&database).await, &gateway, &script.webhooks).await;
        let other = copy_after(TestOrg::on(&database).await, &gateway, &schedule).await;
        assert!(whole.iter().any(|(table, rows)| *table == "messages" && !rows.is_empty()), "seed {seed}");
        if seed % 100 == 0 {
            println!("{seed} schedules");
        }
        for ((table, whole), (_, other)) in whole.iter().zip(&other) {
            let only = |rows: &[Value], others: &[Value]| -> Vec<Value> {
                rows.iter().filter(|row| !others.contains(row)).cloned().collect()
            };
            assert_eq!(only(whole, other), only(other, whole), "{table}, seed {seed}");
            assert_eq!(whole.len(), other.len(), "{table}, seed {seed}");
        }
    }
}
