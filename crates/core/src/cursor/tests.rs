//! Cursors are valid only for the list that they were made for.

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

fn is_invalid(keys: &SigningKeys, org: OrgId, scope: &Scope, text: &str) -> bool {
    let opened: Result<Position> = keys.open(org, scope, text);
    opened.is_err_and(|error| error.kind() == Kind::Invalid && error.fields()[0].field == "cursor")
}

#[test]
fn cursor_is_valid_only_for_its_list() {
    let org = OrgId::generate();
    let scope = Scope::of("chats").with("session", 1).with("q", "ab");
    let cursor = keys().seal(org, &scope, &position()).unwrap();
    assert_eq!(keys().open::<Position>(org, &scope, &cursor).unwrap(), position());
    assert!(is_invalid(&keys(), OrgId::generate(), &scope, &cursor), "another organization");
    for other in [
        Scope::of("messages").with("session", 1).with("q", "ab"),
        Scope::of("chats").with("session", 2).with("q", "ab"),
        Scope::of("chats").with("session", 1).with("q", "abc"),
        Scope::of("chats").with("session", 1),
        Scope::of("chats").with("session", 1).with("q", "a").with("b", ""),
        Scope::of("chats").with("session", "1q").with("", "ab"),
    ] {
        assert!(is_invalid(&keys(), org, &other, &cursor), "{other:?}");
    }
}

#[test]
fn previous_key_is_accepted_during_rotation() {
    let (org, scope) = (OrgId::generate(), Scope::of("chats"));
    let old = keys().seal(org, &scope, &position()).unwrap();
    let both = SigningKeys::new(key(2), Some(key(1)));
    let new = both.seal(org, &scope, &position()).unwrap();
    assert!(both.open::<Position>(org, &scope, &old).is_ok());
    let only_new = SigningKeys::new(key(2), None);
    assert!(only_new.open::<Position>(org, &scope, &new).is_ok());
    assert!(is_invalid(&only_new, org, &scope, &old));
    let reloaded = Reloading::from(vec![key(2), key(1)]);
    let keys = SigningKeys::reloading(reloaded.clone());
    assert!(keys.open::<Position>(org, &scope, &old).is_ok());
    reloaded.set(vec![key(2)]);
    assert!(keys.open::<Position>(org, &scope, &new).is_ok());
    assert!(is_invalid(&keys, org, &scope, &old));
}

#[test]
fn secret_can_be_derived_while_its_key_exists() {
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
fn key_without_256_random_bits_is_invalid() {
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
fn key_is_not_printed() {
    assert_eq!(format!("{:?}", keys()), "SigningKeys([****])");
}

proptest! {
    #[test]
    fn forged_cursor_is_invalid(text in any::<String>(), bytes in any::<Vec<u8>>()) {
        let (org, scope) = (OrgId::generate(), Scope::of("chats"));
        prop_assert!(is_invalid(&keys(), org, &scope, &text));
        prop_assert!(is_invalid(&keys(), org, &scope, &URL_SAFE_NO_PAD.encode(bytes)));
    }

    #[test]
    fn cursor_with_flipped_bit_is_invalid(position: Position, at: prop::sample::Index, bit in 0_u32..7) {
        let (org, scope) = (OrgId::generate(), Scope::of("chats"));
        let cursor = keys().seal(org, &scope, &position).unwrap();
        prop_assert_eq!(keys().open::<Position>(org, &scope, &cursor).unwrap(), position);
        // Only the lower seven bits of an ASCII character, so that the text stays UTF-8.
        let mut flipped = cursor.clone().into_bytes();
        flipped[at.index(cursor.len())] ^= 1_u8 << bit;
        prop_assert!(is_invalid(&keys(), org, &scope, &String::from_utf8(flipped).unwrap()));
        let end = at.index(cursor.len());
        prop_assert!(is_invalid(&keys(), org, &scope, &cursor[..end]), "cut off at {}", end);
    }
}

#[test]
fn secret_of_the_previous_key_is_decrypted_until_it_is_removed() {
    let [old, new] = [(); 2].map(|()| SigningKey::generate().parse::<SigningKey>().unwrap());
    let encrypted = SigningKeys::new(old.clone(), None).encrypt(b"connection", b"secret").unwrap();
    let rotated = SigningKeys::new(new.clone(), Some(old));
    assert_eq!(rotated.decrypt(b"connection", &encrypted), Some(b"secret".to_vec()));
    assert_ne!(rotated.encrypt(b"connection", b"secret").unwrap().key_id, encrypted.key_id);
    assert_eq!(SigningKeys::new(new, None).decrypt(b"connection", &encrypted), None);
}
