//! English stop words and inflections.

use std::collections::BTreeSet;

use rust_stemmers::{Algorithm, Stemmer};

/// The stop words of PostgreSQL's `english` configuration.
const STOP_WORDS: &str = "a about above after again against all am an and any are as at be because been before being below \
    between both but by can did do does doing don down during each few for from further had has have having he her here \
    hers herself him himself his how i if in into is it its itself just me more most my myself no nor not now of off on once \
    only or other our ours ourselves out over own s same she should so some such t than that the their theirs them \
    themselves then there these they this those through to too under until up very was we were what when where which while \
    who whom why will with you your yours yourself yourselves";

/// Whether search ignores the word.
pub(super) fn is_stop_word(word: &str) -> bool {
    word.len() <= 10 && STOP_WORDS.split(' ').any(|stop| stop.eq_ignore_ascii_case(word))
}

/// Endings of inflected words.
const ENDINGS: [&str; 9] = ["", "s", "es", "ed", "ing", "er", "ers", "ly", "ness"];

/// The other inflections of a folded word: those that have its stem.
pub(super) fn inflections(word: &str) -> BTreeSet<String> {
    if word.len() < 3 || !word.bytes().all(|byte| byte.is_ascii_lowercase()) {
        return BTreeSet::new();
    }
    let stemmer = Stemmer::create(Algorithm::English);
    let stem = stemmer.stem(word);
    let stripped = ENDINGS.iter().filter_map(|ending| word.strip_suffix(ending));
    let bases: BTreeSet<String> = stripped.chain([&*stem]).flat_map(spellings).collect();
    let all = bases.iter().flat_map(|base| ENDINGS.iter().map(move |ending| format!("{base}{ending}")));
    all.filter(|other| other != word && stemmer.stem(other) == stem).collect()
}

/// How the beginning of a word is spelled before different endings: `happi` and `happy`, `mov` and `move`, `stopp` and `stop`.
fn spellings(base: &str) -> Vec<String> {
    let mut all = vec![base.to_owned(), format!("{base}e")];
    all.extend(base.strip_suffix('e').map(str::to_owned));
    all.extend(base.strip_suffix('i').map(|base| format!("{base}y")));
    all.extend(base.strip_suffix('y').map(|base| format!("{base}i")));
    if let Some(last) = base.chars().next_back() {
        all.push(format!("{base}{last}"));
        let one = &base[..base.len() - 1];
        all.extend(one.ends_with(last).then(|| one.to_owned()));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inflections_have_the_same_stem() {
        let same = [
            ["parcel", "parcels"],
            ["delivered", "delivering"],
            ["deliver", "delivers"],
            ["quokka", "quokkas"],
            ["happy", "happiness"],
            ["carry", "carried"],
            ["move", "moving"],
            ["stop", "stopped"],
            ["house", "houses"],
            ["quick", "quickly"],
            ["company", "companies"],
        ];
        for [one, other] in same {
            assert!(inflections(one).contains(other), "{one}: {:?}", inflections(one));
            assert!(inflections(other).contains(one), "{other}: {:?}", inflections(other));
        }
        for other in ["policy", "policies", "polite"] {
            assert!(!inflections("police").contains(other));
        }
        for plain in ["an", "2025", "jo\u{E3}o", "parcel"] {
            assert!(!inflections(plain).contains(plain));
        }
    }
}
