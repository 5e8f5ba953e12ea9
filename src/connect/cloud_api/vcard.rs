//! Visiting cards: vCards (RFC 6350) in chats, JSON in Meta's API.

use serde_json::{Map, Value, json};

use super::fields::{items, text};

/// The vCard of a contact in Meta's JSON.
pub(super) fn write(contact: &Value) -> String {
    let name = |part: &str| escaped(text(contact, &format!("/name/{part}")).unwrap_or_default());
    let mut lines = vec!["BEGIN:VCARD".to_owned(), "VERSION:3.0".to_owned()];
    let parts = ["last_name", "first_name", "middle_name", "prefix", "suffix"].map(name);
    lines.push(format!("N:{}", parts.join(";")));
    lines.push(format!("FN:{}", name("formatted_name")));
    if let Some(company) = text(contact, "/org/company") {
        lines.push(format!("ORG:{}", escaped(company)));
    }
    if let Some(title) = text(contact, "/org/title") {
        lines.push(format!("TITLE:{}", escaped(title)));
    }
    for phone in items(contact, "phones") {
        let kind = text(phone, "/type").unwrap_or("CELL");
        let id = text(phone, "/wa_id").map(|id| format!(";waid={id}")).unwrap_or_default();
        let number = text(phone, "/phone").or_else(|| text(phone, "/wa_id")).unwrap_or_default();
        lines.push(format!("TEL;type={}{id}:{}", plain(kind), escaped(number)));
    }
    for email in items(contact, "emails") {
        lines.push(format!("EMAIL:{}", escaped(text(email, "/email").unwrap_or_default())));
    }
    for url in items(contact, "urls") {
        lines.push(format!("URL:{}", escaped(text(url, "/url").unwrap_or_default())));
    }
    lines.push("END:VCARD".to_owned());
    lines.join("\n")
}

/// The contact of a vCard in Meta's JSON; `None` without a name.
pub(super) fn read(card: &str) -> Option<Value> {
    let (mut name, mut phones, mut emails, mut organization) =
        (Map::new(), Vec::new(), Vec::new(), Map::new());
    for line in unfolded(card).lines() {
        let Some((property, value)) = line.split_once(':') else { continue };
        let (property, parameters) = property.split_once(';').unwrap_or((property, ""));
        // A group such as `item1.TEL`.
        let property = property.rsplit('.').next().unwrap_or(property);
        match property.to_ascii_uppercase().as_str() {
            "FN" => _ = name.insert("formatted_name".to_owned(), unescaped(value).into()),
            "N" => add_names(&mut name, value),
            "TEL" => phones.push(telephone(parameters, value)),
            "EMAIL" => emails.push(json!({"email": unescaped(value)})),
            "ORG" => {
                let company = components(value).into_iter().next().unwrap_or_default();
                organization.insert("company".to_owned(), company.into());
            }
            "TITLE" => _ = organization.insert("title".to_owned(), unescaped(value).into()),
            _ => {}
        }
    }
    let formatted =
        name.get("formatted_name").and_then(Value::as_str).filter(|name| !name.is_empty())?.to_owned();
    // Meta requires a part beside the formatted name.
    if name.len() == 1 {
        name.insert("first_name".to_owned(), formatted.into());
    }
    let mut contact = Map::from_iter([("name".to_owned(), Value::Object(name))]);
    for (key, list) in [("phones", phones), ("emails", emails)] {
        if !list.is_empty() {
            contact.insert(key.to_owned(), list.into());
        }
    }
    if !organization.is_empty() {
        contact.insert("org".to_owned(), organization.into());
    }
    Some(Value::Object(contact))
}

fn add_names(name: &mut Map<String, Value>, value: &str) {
    let keys = ["last_name", "first_name", "middle_name", "prefix", "suffix"];
    for (key, part) in keys.into_iter().zip(components(value)) {
        if !part.is_empty() {
            name.insert(key.to_owned(), part.into());
        }
    }
}

/// The components of a value, which semicolons separate unless they are escaped.
fn components(value: &str) -> Vec<String> {
    let mut is_escaped = false;
    let components = value.split(|c| {
        let separates = c == ';' && !is_escaped;
        is_escaped = c == '\\' && !is_escaped;
        separates
    });
    components.map(unescaped).collect()
}

fn telephone(parameters: &str, value: &str) -> Value {
    let mut phone = json!({"phone": unescaped(value)});
    for parameter in parameters.split(';') {
        let (name, value) = parameter.split_once('=').unwrap_or(("type", parameter));
        match name.to_ascii_lowercase().as_str() {
            "type" if !value.is_empty() && !value.eq_ignore_ascii_case("pref") => {
                phone["type"] = value.trim_matches('"').to_ascii_uppercase().into();
            }
            "waid" => phone["wa_id"] = value.into(),
            _ => {}
        }
    }
    phone
}

/// Joins lines that are folded: those that begin with a blank.
fn unfolded(card: &str) -> String {
    card.replace("\r\n", "\n").replace("\n ", "").replace("\n\t", "")
}

fn escaped(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace(',', "\\,").replace(';', "\\;");
    text.replace("\r\n", "\n").replace(['\n', '\r'], "\\n")
}

fn unescaped(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.trim_end().chars();
    while let Some(c) = chars.next() {
        // A backslash at the end stands for itself.
        let next = if c == '\\' { chars.next() } else { None };
        plain.push(match next {
            Some('n' | 'N') => '\n',
            Some(next) => next,
            None => c,
        });
    }
    plain
}

/// A parameter without anything that would end it.
fn plain(text: &str) -> String {
    text.chars().filter(|c| c.is_alphanumeric() || *c == '_').collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cards_become_contacts_and_back() {
        let contact = json!({
            "name": {"formatted_name": "Asha, Rao", "first_name": "Asha", "last_name": "Rao"},
            "phones": [{"phone": "+1 555 010 1844", "type": "WORK", "wa_id": "15550101844"}, {"phone": "1", "type": "CELL"}],
            "emails": [{"email": "asha@acme.example"}],
            "org": {"company": "Acme; Sons\\", "title": "Buyer"},
        });
        assert_eq!(read(&write(&contact)), Some(contact));
    }

    #[test]
    fn cards_of_phones_are_read() {
        let card = "BEGIN:VCARD\r\nVERSION:3.0\r\nN:;Asha;;;\r\nFN:As\r\n ha\r\nitem1.TEL;waid=15550101844:+1 555\r\n\
            TEL;TYPE=cell;TYPE=pref:2\r\nEND:VCARD";
        let contact = json!({
            "name": {"formatted_name": "Asha", "first_name": "Asha"},
            "phones": [{"phone": "+1 555", "wa_id": "15550101844"}, {"phone": "2", "type": "CELL"}],
        });
        assert_eq!(read(card), Some(contact));
        let only_name = json!({"name": {"formatted_name": "Asha", "first_name": "Asha"}});
        assert_eq!(read("FN:Asha"), Some(only_name));
        assert_eq!(read("BEGIN:VCARD\nEND:VCARD"), None);
    }
}
