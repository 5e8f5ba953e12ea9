//! Queries in the syntax of a web search.

use super::english::inflections;
use super::tokens::{IndexTerm, Kind, Token, phone_numbers, terms_of, tokens};
use crate::folding::compose;

/// A query: a text matches when it matches every clause of one group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// The groups, which `or` separates. Words that search ignores are left out, and groups without any other.
    pub groups: Vec<Vec<Clause>>,
}

/// One or several words that follow each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Whether it must not match.
    pub is_excluded: bool,
    /// The words; at least one.
    pub steps: Vec<Step>,
}

/// A word of a phrase.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// How many places after the step before it.
    pub distance: u16,
    /// Any of these; at least one.
    pub lexemes: Vec<Lexeme>,
}

/// What a word of a text is compared with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lexeme {
    /// The folded text.
    pub text: String,
    /// Whether it is the beginning of a word only.
    pub is_prefix: bool,
}

impl Query {
    /// Parses a query. `a b` matches texts with both words, in any inflection and as the beginning of longer words, `"a b"`
    /// the phrase, `a or b` one of them, `-a` excludes texts; a phone number matches it however it is written. `None` when a
    /// group has only exclusions: it would match nearly every text.
    pub fn parse(query: &str) -> Option<Self> {
        let query = compose(query);
        let mut groups = vec![phone_number(&query).into_iter().collect(), Vec::new()];
        for item in items(&query) {
            if item.is_or() {
                groups.push(Vec::new());
            } else if let (Some(clause), Some(group)) = (item.clause(), groups.last_mut()) {
                group.push(clause);
            }
        }
        groups.retain(|group| !group.is_empty());
        let has_term = |group: &Vec<Clause>| group.iter().any(|clause| !clause.is_excluded);
        groups.iter().all(has_term).then_some(Self { groups })
    }

    /// What the query looks for.
    pub(super) fn wanted(&self) -> impl Iterator<Item = &Lexeme> {
        let clauses = self.groups.iter().flatten().filter(|clause| !clause.is_excluded);
        clauses.flat_map(|clause| &clause.steps).flat_map(|step| &step.lexemes)
    }
}

impl Lexeme {
    /// Whether a word of a text is this one.
    pub(super) fn matches(&self, term: &IndexTerm) -> bool {
        if self.is_prefix { term.text.starts_with(&self.text) } else { term.text == self.text }
    }
}

/// The digits of a query that is a phone number in several parts.
fn phone_number(query: &str) -> Option<Clause> {
    let tokens = tokens(query);
    let number = phone_numbers(query, &tokens).pop().filter(|number| number.tokens == tokens.len())?;
    let lexemes = vec![Lexeme { text: number.text, is_prefix: true }];
    Some(Clause { is_excluded: false, steps: vec![Step { distance: 0, lexemes }] })
}

/// A part of a query.
struct Item<'q> {
    text: &'q str,
    is_quoted: bool,
    is_excluded: bool,
}

impl Item<'_> {
    fn is_or(&self) -> bool {
        !self.is_quoted && !self.is_excluded && self.text.eq_ignore_ascii_case("or")
    }

    /// Its words in order; `None` if there are none but ignored ones.
    fn clause(&self) -> Option<Clause> {
        // What is quoted or excluded is a whole word.
        let is_whole = self.is_quoted || self.is_excluded;
        let steps = steps(&tokens(self.text), !is_whole);
        (!steps.is_empty()).then_some(Clause { is_excluded: self.is_excluded, steps })
    }
}

/// The parts of a query: phrases in quotes, and what is between blanks.
fn items(query: &str) -> Vec<Item<'_>> {
    let mut items = Vec::new();
    let mut rest = query.trim_start();
    while !rest.is_empty() {
        let is_excluded = rest.starts_with('-');
        rest = rest.trim_start_matches('-');
        let (text, is_quoted, after) = match rest.strip_prefix('"') {
            Some(quoted) => {
                let (text, after) = quoted.split_once('"').unwrap_or((quoted, ""));
                (text, true, after)
            }
            None => {
                let end = rest.find(|c: char| c == '"' || c.is_whitespace()).unwrap_or(rest.len());
                (&rest[..end], false, &rest[end..])
            }
        };
        items.push(Item { text, is_quoted, is_excluded });
        rest = after.trim_start();
    }
    items
}

fn steps(tokens: &[Token], with_prefix: bool) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    let mut last = None;
    let is_joined = |index: usize| tokens.get(index).is_some_and(Token::is_joined);
    for IndexTerm { text, token, tokens: length } in terms_of(tokens) {
        let ends = !is_joined(token + length);
        // The pair before it has the last one of several letters.
        if length == 1 && is_joined(token) {
            continue;
        }
        let lexemes = match tokens[token].kind {
            // A vowel sign may follow the last letter.
            Kind::Letter { .. } => vec![Lexeme { text, is_prefix: ends }],
            Kind::Word | Kind::StopWord => word(text, with_prefix && token + 1 == tokens.len()),
        };
        let distance = last.replace(token).map_or(0, |last| token - last);
        steps.push(Step { distance: u16::try_from(distance).unwrap_or(u16::MAX), lexemes });
    }
    steps
}

/// The word or its beginning, and its inflections.
fn word(text: String, is_prefix: bool) -> Vec<Lexeme> {
    let others = inflections(&text).into_iter().filter(|other| !is_prefix || !other.starts_with(&text));
    let others: Vec<_> = others.map(|text| Lexeme { text, is_prefix: false }).collect();
    [vec![Lexeme { text, is_prefix }], others].concat()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::folding::is_mark;
    use crate::full_text::english::is_stop_word;
    use crate::full_text::tokens::index_terms;

    /// `a b* <2> c -d | e`.
    fn text(query: &Query) -> String {
        let lexeme = |lexeme: &Lexeme| format!("{}{}", lexeme.text, if lexeme.is_prefix { "*" } else { "" });
        let step = |step: &Step| {
            let after = if step.distance > 0 { format!("<{}>", step.distance) } else { String::new() };
            after + &step.lexemes.iter().map(lexeme).collect::<Vec<_>>().join("/")
        };
        let clause = |clause: &Clause| {
            let sign = if clause.is_excluded { "-" } else { "" };
            sign.to_owned() + &clause.steps.iter().map(step).collect::<String>()
        };
        let group = |group: &Vec<Clause>| group.iter().map(clause).collect::<Vec<_>>().join(" ");
        query.groups.iter().map(group).collect::<Vec<_>>().join(" | ")
    }

    fn parsed(query: &str) -> Option<String> {
        Query::parse(query).as_ref().map(text)
    }

    #[test]
    fn query_has_words_phrases_exclusions_and_alternatives() {
        let cases = [
            ("João zz9", "joao* zz9*"),
            ("\"zz9 by qq7\"", "zz9<2>qq7"),
            ("in_2025.qq", "2025<1>qq*"),
            ("zz9 -qq7 or \"the xx8", "zz9* -qq7 | xx8"),
            ("上海东边 海", "上海<1>海东<1>东边* 海*"),
            ("qq7手机", "qq7<1>手机*"),
            ("+1 (555) 010-1234", "15550101234* | 1* 555* 010<1>1234*"),
            ("the OR of ?! -the", ""),
            ("or", ""),
        ];
        for (query, expected) in cases {
            assert_eq!(parsed(query).as_deref(), Some(expected), "{query}");
        }
        for only_excluded in ["-fish -chips", "fish or -chips", "the -fish", "-\"fish and chips\""] {
            assert_eq!(parsed(only_excluded), None, "{only_excluded}");
        }
    }

    #[test]
    fn inflections_are_alternatives_of_a_word() {
        let of_parcels = parsed("parcels").expect("a query");
        assert!(of_parcels.starts_with("parcels*/") && of_parcels.contains("/parcel/"), "{of_parcels}");
        let excluded = parsed("zz9 -parcel").expect("a query");
        assert!(excluded.contains("-parcel/") && excluded.contains("parcels"), "{excluded}");
    }

    /// Whether a text of these terms has a step of each clause: what an index looks up.
    fn is_found(query: &Query, terms: &[IndexTerm]) -> bool {
        let has =
            |step: &Step| step.lexemes.iter().any(|lexeme| terms.iter().any(|term| lexeme.matches(term)));
        !query.groups.is_empty() && query.groups.iter().flatten().all(|clause| clause.steps.iter().all(has))
    }

    proptest! {
        #[test]
        fn every_prefix_of_a_word_is_found(
            word in "[a-zA-Zà-öø-üА-я]{2,12}",
            before in ".{0,20}",
            length in 2_usize..12,
        ) {
            let prefix: String = word.chars().take(length).collect();
            prop_assume!(!is_stop_word(&word) && !is_stop_word(&prefix));
            let terms = index_terms(&compose(&format!("{before} {word}!")));
            let query = Query::parse(&prefix).unwrap_or_default();
            prop_assert!(is_found(&query, &terms), "{query:?} {terms:?}");
        }

        #[test]
        fn every_part_of_a_text_without_blanks_is_found(
            text in "[\u{4E00}-\u{4E20}ก-ฮะ-ูか-んア-ン가-갛]{1,20}",
            start in 0_usize..20,
            length in 1_usize..20,
        ) {
            let terms = index_terms(&compose(&text));
            let part: String = text.chars().skip(start).take(length).collect();
            prop_assume!(part.chars().next().is_some_and(|first| !is_mark(first)));
            let query = Query::parse(&part).unwrap_or_default();
            prop_assert!(is_found(&query, &terms), "{query:?} {terms:?}");
        }

        #[test]
        fn any_query_is_parsed(query: String) {
            let _ = Query::parse(&query);
        }
    }
}
