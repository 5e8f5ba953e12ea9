//! Finds the token in a request's headers, and its kind by its form.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};

use super::api_key::ApiKey;
use crate::digest::sha256;
use crate::ids::KeyId;

/// The longest accepted token, in bytes. Login tokens rarely exceed 2 KiB.
const MAX_LENGTH: usize = 8 * 1024;

/// Key of a token in a cache: a memory dump reveals no token.
pub(super) type TokenHash = [u8; 32];

/// The token's hash.
pub(super) fn hash(token: &str) -> TokenHash {
    sha256(token.as_bytes())
}

/// The token of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// No token.
    None,
    /// A login token: three base64url parts.
    Login(&'a str),
    /// Any other text, which may be an api-key.
    ApiKey(&'a str),
    /// Not a token.
    Malformed,
}

impl<'a> Token<'a> {
    /// The text, which [`classify`] turns into the same token.
    pub(super) const fn text(self) -> Option<&'a str> {
        match self {
            Self::Login(text) | Self::ApiKey(text) => Some(text),
            Self::None | Self::Malformed => None,
        }
    }

    /// The id in an api-key, valid or not.
    pub(super) fn key_id(self) -> Option<KeyId> {
        match self {
            Self::ApiKey(text) => ApiKey::parse(text).map(|key| key.id),
            Self::None | Self::Login(_) | Self::Malformed => None,
        }
    }
}

/// The token in `authorization: Bearer <token>`, else in `x-api-key: <key>`.
///
/// A request with two different keys, or two `authorization` headers, has no valid token: a proxy may have checked the
/// other one.
pub(super) fn presented(headers: &HeaderMap) -> Token<'_> {
    let mut authorizations = headers.get_all(AUTHORIZATION).iter();
    let keys = headers.get_all("x-api-key");
    let token = match (authorizations.next(), keys.iter().next()) {
        (Some(authorization), _) => authorization.to_str().ok().and_then(bearer).map(classify),
        (None, Some(key)) => key.to_str().ok().map(classify).filter(|key| matches!(key, Token::ApiKey(_))),
        (None, None) => return Token::None,
    };
    let token = token.unwrap_or(Token::Malformed);
    let is_other =
        |key: &HeaderValue| matches!(token, Token::ApiKey(token) if token.as_bytes() != key.as_bytes());
    if authorizations.next().is_some() || keys.into_iter().any(is_other) { Token::Malformed } else { token }
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim_matches(' '))
}

/// The kind of a token, by its form.
pub(super) fn classify(token: &str) -> Token<'_> {
    if token.is_empty() || token.len() > MAX_LENGTH {
        return Token::Malformed;
    }
    let is_base64url = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    let mut parts = token.split('.');
    match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(header), Some(claims), Some(signature), None)
            if [header, claims, signature].into_iter().all(is_base64url) =>
        {
            Token::Login(token)
        }
        _ => Token::ApiKey(token),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), HeaderValue::from_str(value).expect("a header value"))
        });
        let mut headers = HeaderMap::new();
        pairs.for_each(|(name, value)| {
            headers.append(name, value);
        });
        headers
    }

    #[test]
    fn scheme_is_case_insensitive() {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let headers = headers(&[("authorization", &format!("{scheme} sb_x_y"))]);
            assert_eq!(presented(&headers), Token::ApiKey("sb_x_y"));
        }
    }

    #[test]
    fn other_schemes_and_empty_or_repeated_tokens_are_malformed() {
        for value in ["Basic YTpi", "Bearer", "Bearer ", "sb_x_y"] {
            assert_eq!(presented(&headers(&[("authorization", value)])), Token::Malformed, "{value}");
        }
        let twice = headers(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]);
        assert_eq!(presented(&twice), Token::Malformed);
    }

    #[test]
    fn key_header_accepts_keys_only_and_authorization_wins() {
        assert_eq!(presented(&headers(&[("x-api-key", "sb_x_y")])), Token::ApiKey("sb_x_y"));
        assert_eq!(presented(&headers(&[("x-api-key", "a.b.c")])), Token::Malformed);
        let both = headers(&[("x-api-key", "sb_x_y"), ("authorization", "Bearer a.b.c")]);
        assert_eq!(presented(&both), Token::Login("a.b.c"));
        let both = |key: &str| headers(&[("x-api-key", key), ("authorization", "Bearer sb_x_y")]);
        assert_eq!(presented(&both("sb_x_y")), Token::ApiKey("sb_x_y"));
        assert_eq!(presented(&both("sb_x_z")), Token::Malformed);
        let twice = headers(&[("x-api-key", "sb_x_y"), ("x-api-key", "sb_x_z")]);
        assert_eq!(presented(&twice), Token::Malformed);
        assert_eq!(presented(&HeaderMap::new()), Token::None);
    }

    proptest! {
        #[test]
        fn header_values_do_not_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let mut headers = HeaderMap::new();
                headers.insert(AUTHORIZATION, value);
                let _ = presented(&headers);
            }
        }
    }
}
