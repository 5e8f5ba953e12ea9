//! Cursors open the list they were made for, and nothing else.

use proptest::prelude::*;

use super::*;
use crate::error::Kind;

type Position = (bool, Option<i64>, String);

fn key(letter: u8) -> SigningKey {
    let bytes: Vec<u8> = (0..32).map(|at| at * 7 + letter).collect();
    STANDARD.encode(bytes).parse().unwrap()
}

fn keys() -> SigningKeys {
    SigningKeys::new(key(1), None)
}

fn position() -> Position {
    (true, Some(-1), "3EB0".to_owned())
}

fn is_refused(keys: &SigningKeys, org: OrgId, scope: &Scope, text: &str) -> bool {
    let opened: Result<Position> = keys.open(org, scope, text);
    opened.is_err_and(|error| error.kind() == Kind::Invalid && error.fields()[0].field == "cursor")
}

#[test]
fn a_cursor_opens_the_list_it_was_made_for_and_no_other() {
    let org = OrgId::generate();
    let scope = Scope::of("chats").with("session", 1).with("q", "ab");
    let cursor = keys().seal(org, &scope, &position()).unwrap();
    assert_eq!(keys().open::<Position>(org, &scope, &cursor).unwrap(), position());
    assert!(is_refused(&keys(), OrgId::generate(), &scope, &cursor), "another organization");
    for other in [
        Scope::of("messages").with("session", 1).with("q", "ab"),
        Scope::of("chats").with("session", 2).with("q", "ab"),
        Scope::of("chats").with("session", 1).with("q", "abc"),
        Scope::of("chats").with("session", 1),
        Scope::of("chats").with("session", 1).with("q", "a").with("b", ""),
        Scope::of("chats").with("session", "1q").with("", "ab"),
    ] {
        assert!(is_refused(&keys(), org, &other, &cursor), "{other:?}");
    }
}

#[test]
fn keys_are_exchanged_two_at_a_time() {
    let (org, scope) = (OrgId::generate(), Scope::of("chats"));
    let old = keys().seal(org, &scope, &position()).unwrap();
    let both = SigningKeys::new(key(2), Some(key(1)));
    let new = both.seal(org, &scope, &position()).unwrap();
    assert!(both.open::<Position>(org, &scope, &old).is_ok());
    let only_new = SigningKeys::new(key(2), None);
    assert!(only_new.open::<Position>(org, &scope, &new).is_ok());
    assert!(is_refused(&only_new, org, &scope, &old));
    let reloaded = Reloading::from(vec![key(2), key(1)]);
    let held = SigningKeys::reloading(reloaded.clone());
    assert!(held.open::<Position>(org, &scope, &old).is_ok());
    reloaded.set(vec![key(2)]);
    assert!(held.open::<Position>(org, &scope, &new).is_ok());
    assert!(is_refused(&held, org, &scope, &old));
}

#[test]
fn a_secret_is_made_again_for_as_long_as_its_key_is_there() {
    let old = SigningKeys::new(key(1), None);
    let id = old.current_id().unwrap();
    let secret = old.secret(&id, &[b"a", b"bc"]).unwrap();
    let both = SigningKeys::new(key(2), Some(key(1)));
    assert_ne!(both.current_id().unwrap(), id);
    assert_eq!(both.secret(&id, &[b"a", b"bc"]), Some(secret));
    assert_ne!(both.secret(&id, &[b"ab", b"c"]), Some(secret));
    assert_ne!(both.secret(&both.current_id().unwrap(), &[b"a", b"bc"]), Some(secret));
    assert_eq!(SigningKeys::new(key(2), None).secret(&id, &[b"a", b"bc"]), None);
}

#[test]
fn a_key_has_256_random_bits() {
    assert!(SigningKey::generate().parse::<SigningKey>().is_ok());
    assert!("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef".parse::<SigningKey>().is_ok());
    for weak in [
        "",
        "secret",
        "0123456789abcdef0123456789abcdef0123456789abcdef",
        "c2hvcnQgYW5kIG5vdCByYW5kb20gYXQgYWxs",
        "changechangechangechangechangechangechangechange",
        "a sentence that is long enough, but that anybody can guess",
    ] {
        assert!(weak.parse::<SigningKey>().is_err(), "{weak}");
    }
}

#[test]
fn a_key_is_never_printed() {
    assert_eq!(format!("{:?}", keys()), "SigningKeys([****])");
}

proptest! {
    #[test]
    fn a_text_that_was_not_made_here_is_refused(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        let (org, scope) = (OrgId::generate(), Scope::of("chats"));
        prop_assert!(is_refused(&keys(), org, &scope, &text));
        prop_assert!(is_refused(&keys(), org, &scope, &URL_SAFE_NO_PAD.encode(bytes)));
    }

    #[test]
    fn a_cursor_with_any_bit_flipped_is_refused(position: Position, at: prop::sample::Index, bit in 0_u32..7) {
        let (org, scope) = (OrgId::generate(), Scope::of("chats"));
        let cursor = keys().seal(org, &scope, &position).unwrap();
        prop_assert_eq!(keys().open::<Position>(org, &scope, &cursor).unwrap(), position);
        // Seven bits of an ASCII character: the text stays UTF-8.
        let mut flipped = cursor.clone().into_bytes();
        flipped[at.index(cursor.len())] ^= 1_u8 << bit;
        prop_assert!(is_refused(&keys(), org, &scope, &String::from_utf8(flipped).unwrap()));
        let end = at.index(cursor.len());
        prop_assert!(is_refused(&keys(), org, &scope, &cursor[..end]), "cut off at {}", end);
    }
}
