//! Every read of the REST APIs, bare, with each filter and with all filters, from the proto descriptors.

use prost_reflect::{FieldDescriptor, Kind};

use super::seed::Seeded;
use crate::support::{Binding, Method, methods};

/// One request.
#[derive(Clone, Debug)]
pub struct Request {
    /// The RPC's name, such as `ListChats`.
    pub rpc: String,
    /// The path and query.
    pub target: String,
    /// The `x-phone` header.
    pub phone: Option<String>,
    /// Whether the key has a session scope.
    pub is_limited: bool,
    /// Whether no filter is set.
    pub is_bare: bool,
}

impl Request {
    /// The same request with a cursor.
    pub fn following(&self, cursor: &str) -> Self {
        let separator = if self.target.contains('?') { '&' } else { '?' };
        Self { target: format!("{}{separator}cursor={cursor}", self.target), ..self.clone() }
    }
}

/// The page size; larger pages have the same plans.
const LIMIT: &str = "limit=20";

/// All requests.
pub fn all(seeded: &Seeded) -> Vec<Request> {
    let reads = methods().into_iter().filter(|method| !method.streams()).flat_map(|method| {
        let bindings = method.bindings.clone();
        bindings
            .into_iter()
            .filter(|binding| binding.method == "GET")
            .map(move |binding| (method.clone(), binding))
    });
    reads.flat_map(|(method, binding)| of(&method, &binding, seeded)).collect()
}

fn of(method: &Method, binding: &Binding, seeded: &Seeded) -> Vec<Request> {
    let rpc = method.path.rsplit('/').next().unwrap_or_default();
    let mut path = binding.template.clone();
    let mut always = Vec::new();
    let mut filters: Vec<Vec<String>> = Vec::new();
    for field in method.input.fields() {
        let variable = format!("{{{}}}", field.name());
        let values = values(&field, seeded);
        if path.contains(&variable) {
            path = path.replace(&variable, &values[0]);
        } else if field.name() == "limit" {
            always.push(LIMIT.to_owned());
        } else if !values.is_empty() {
            filters.push(values.iter().map(|value| format!("{}={value}", field.name())).collect());
        }
    }
    let is_search = rpc == "SearchMessages";
    let is_words = |pair: &String| is_search && pair.starts_with("query=");
    let words: Vec<String> = filters.iter().flatten().filter(|pair| is_words(pair)).cloned().collect();
    filters.retain(|pairs| !pairs.iter().any(is_words));
    let every: Vec<String> = filters.iter().map(|pairs| pairs[0].clone()).collect();

    // A search requires a query.
    let first_words = words.first().cloned();
    let request = |more: &[String], phone: Option<&String>, is_limited, is_bare| {
        let query = [first_words.as_slice(), &always, more].concat().join("&");
        let target = if query.is_empty() { path.clone() } else { format!("{path}?{query}") };
        Request { rpc: rpc.to_owned(), target, phone: phone.cloned(), is_limited, is_bare }
    };
    let phones = if path.starts_with("/v1/") {
        vec![None, Some(&seeded.phone), Some(&seeded.phone_id)]
    } else {
        vec![None]
    };
    let mut requests = Vec::new();
    for phone in phones {
        for is_limited in [false, true] {
            requests.push(request(&[], phone, is_limited, true));
            if !every.is_empty() {
                requests.push(request(&every, phone, is_limited, false));
            }
        }
        let one_by_one = filters.iter().flatten();
        requests.extend(one_by_one.map(|pair| request(std::slice::from_ref(pair), phone, false, false)));
    }
    for (first, other) in
        first_words.iter().flat_map(|first| words.iter().skip(1).map(move |other| (first, other)))
    {
        for more in [&[][..], &every] {
            let same = request(more, None, false, more.is_empty());
            requests.push(Request { target: same.target.replace(first, other), ..same });
        }
    }
    requests
}

/// Test values of a field. Panics at an unlisted field, so that new ones are added here.
fn values(field: &FieldDescriptor, seeded: &Seeded) -> Vec<String> {
    let texts: &[&str] = match field.name() {
        "session_id" => &[&seeded.sessions[0]],
        "chat_id" => &[&format!("{}@c.us", seeded.person)],
        "jid" => &[&format!("{}@s.whatsapp.net", seeded.person)],
        "message_id" if field.parent_message().name() == "GetSentMessageRequest" => {
            &[&format!("true_{}@c.us_M1-5", seeded.person), &format!("false_{}@c.us_M1-5", seeded.person)]
        }
        "message_id" => &["M1-5"],
        "note_id" => &[&format!("note-{}b", "a".repeat(15))],
        "sender" => &[&format!("{}@c.us", seeded.person)],
        "label" => &[&seeded.label[0].clone(), &seeded.label[1].replace(' ', "%20")],
        // A member with many chats, one with none, and nobody.
        "assigned_to" => &["agent1@org1.example", "agent2@org1.example", "none"],
        "offset" => &[&(seeded.chats / 4).min(9000).to_string()],
        "chat_type" => &["user", "group", "business"],
        "type" => &["dm", "group"],
        "start_time" => &["2025-06-01"],
        "end_time" => &["2025-06-15"],
        // Contained in few names, in nearly all, in none, in nearly all numbers.
        "q" => &["person%2012", "E", "zq", "5"],
        "query" if field.parent_message().name() != "SearchMessagesRequest" => {
            &["person%2012", "E", "zq", "0100", "5"]
        }
        "labels" => &[&seeded.label[0].clone(), &seeded.label[1].replace(' ', "%20"), "missing"],
        "sort" => &["oldest"],
        "member" => &["agent1@org1.example", "agent2@org1.example"],
        // In 1 of 5 messages, of 100, of 10,000; combinations; a phrase in all.
        "query" => {
            &["hello", "invoice", "zebra", "hello%20invoice", "%22your%20order%22", "zebra%20or%20invoice"]
        }
        "performed_by" => &["operator", "connector"],
        "action" => &["attached", "labels", "deleted"],
        "webhook_id" => &[&seeded.webhook],
        "connection_id" => &[&seeded.connection],
        "state" if field.parent_message().name() == "ListConnectionEventsRequest" => &["failed", "mapped"],
        "state" if field.parent_message().name() == "ListSessionSendsRequest" => &["queued", "accepted"],
        "state" => &["dead", "delivered"],
        "order_by" => &["timestamp%20desc"],
        // Set for every request, and taken from responses.
        "limit" | "cursor" => &[],
        _ if field.kind() == Kind::Bool => &["true", "false"],
        name => panic!(
            "add test values of {name} of {} to tests/plans/requests.rs",
            field.parent_message().full_name()
        ),
    };
    texts.iter().map(|text| (*text).to_owned()).collect()
}
