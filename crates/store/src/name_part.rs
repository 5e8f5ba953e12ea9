//! A part of a name or of a phone number, as a condition on chats and their contacts.

use diesel::pg::Pg;
use diesel::query_builder::AstPass;
use diesel::result::QueryResult;
use diesel::sql_types::{Array, Text, Uuid};

use super::lists::push;
use switchboard_core::folding::fold;
use switchboard_core::ids::{AddressKind, ChatAddress, OrgId};

const OF_CHATS: &str = "SELECT chat_key FROM chats WHERE name_ngrams(org_id, coalesce(search_key, '') || E'\\n' || split_part(chat_id, '@', 1)) @> ";
const OF_CONTACTS: &str = "SELECT contact_id FROM contacts WHERE name_ngrams(org_id, search_key) @> ";

/// The text that a name or a number contains.
pub(super) struct NamePart {
    org: OrgId,
    /// The folded text.
    name: String,
    name_ngrams: Vec<String>,
    /// Its digits, if it may be a part of a phone number, with their n-grams; those of the number's other spelling, too.
    numbers: Vec<(String, Vec<String>)>,
}

impl NamePart {
    /// `None` for a text that all have.
    pub(super) fn new(org: OrgId, text: &str) -> Option<Self> {
        let name = fold(text).trim().to_owned();
        let numbers = numbers(&name).into_iter();
        let numbers = numbers.map(|digits| (digits.clone(), ngrams(org, &digits))).collect();
        let name_ngrams = ngrams(org, &name);
        (!name.is_empty()).then_some(Self { org, name, name_ngrams, numbers })
    }

    /// The condition that the chat `c` with its contact `p`, if any, has the text.
    pub(super) fn push_condition<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push!(out; "(strpos(CASE WHEN p.name IS NULL THEN c.search_key ELSE p.search_key END, ", [Text] &self.name, ") > 0");
        for (digits, _) in &self.numbers {
            push!(out; " OR c.chat_id LIKE '%@c.us' AND strpos(c.chat_id, ", [Text] digits, ") > 0");
        }
        push!(out; ")");
        Ok(())
    }

    /// A query of the keys of the chats whose name or number has the n-grams.
    pub(super) fn push_found<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.push_indexed(out.reborrow(), OF_CHATS, &self.name_ngrams)?;
        for (_, ngrams) in &self.numbers {
            push!(out; " UNION ");
            self.push_indexed(out.reborrow(), OF_CHATS, ngrams)?;
        }
        push!(out; " UNION SELECT its.* FROM (");
        self.push_indexed(out.reborrow(), OF_CONTACTS, &self.name_ngrams)?;
        push!(out; r#") person CROSS JOIN LATERAL (SELECT chat_key FROM chats WHERE "org_id" = "#, [Uuid] &self.org,
            " AND chats.chat_id = person.contact_id OFFSET 0) its");
        Ok(())
    }

    /// A query of one row for each name or number that has the n-grams.
    pub(super) fn push_matches<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        push!(out; "SELECT 1 FROM (");
        self.push_indexed(out.reborrow(), OF_CHATS, &self.name_ngrams)?;
        for (_, ngrams) in &self.numbers {
            push!(out; " UNION ALL ");
            self.push_indexed(out.reborrow(), OF_CHATS, ngrams)?;
        }
        push!(out; ") of_chat UNION ALL SELECT 1 FROM (");
        self.push_indexed(out.reborrow(), OF_CONTACTS, &self.name_ngrams)?;
        push!(out; ") of_contact");
        Ok(())
    }

    fn push_indexed<'b>(
        &'b self,
        mut out: AstPass<'_, 'b, Pg>,
        select: &str,
        ngrams: &'b Vec<String>,
    ) -> QueryResult<()> {
        push!(out; select, [Array<Text>] ngrams, r#" AND "org_id" = "#, [Uuid] &self.org);
        Ok(())
    }
}

/// The digits of a person's address, or of a text that has only them and what stands between the digits of a phone number;
/// then those of its other spelling, if the number is whole and has one.
fn numbers(text: &str) -> Vec<String> {
    let is_phone = text.chars().all(|c| c.is_ascii_digit() || "+-()./ ".contains(c));
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let spelled = if is_phone { format!("{digits}@c.us") } else { text.to_owned() };
    let address: Option<ChatAddress> = spelled.parse().ok();
    let Some(address) = address.filter(|address| address.kind() == AddressKind::Person) else {
        return Vec::new();
    };
    let digits = |address: ChatAddress| address.as_str().trim_end_matches("@c.us").to_owned();
    [address.other_spelling(), Some(address)].into_iter().flatten().map(digits).collect()
}

/// The n-grams that every text containing this one has: its 3-grams, or the whole text if it is shorter. See `name_ngrams`.
fn ngrams(org: OrgId, text: &str) -> Vec<String> {
    let letters: Vec<char> = text.chars().collect();
    let grams = letters.windows(letters.len().clamp(1, 3));
    grams.map(|gram| format!("{org}{}", gram.iter().collect::<String>())).collect()
}
