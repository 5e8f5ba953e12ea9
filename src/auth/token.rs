//! Finds the token in a request's headers and tells the two kinds apart by their shape.

use http::HeaderMap;
use http::header::AUTHORIZATION;

/// Longer tokens are refused unread. Login tokens rarely exceed 2 KiB.
const MAX_LENGTH: usize = 8 * 1024;

/// What was presented.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// Nothing.
    None,
    /// A login token: three base64url parts.
    Login(&'a str),
    /// Anything else that might be an api-key.
    ApiKey(&'a str),
    /// Something that can be no token.
    Malformed,
}

impl<'a> Token<'a> {
    /// What [`classify`] makes the same token of.
    pub(super) const fn text(self) -> Option<&'a str> {
        match self {
            Self::Login(text) | Self::ApiKey(text) => Some(text),
            Self::None | Self::Malformed => None,
        }
    }
}

/// The token of a request: `authorization: Bearer <token>`, else `x-api-key: <key>`.
pub(super) fn presented(headers: &HeaderMap) -> Token<'_> {
    let mut authorizations = headers.get_all(AUTHORIZATION).iter();
    if let Some(authorization) = authorizations.next() {
        // Two of them: a proxy may have judged by the other one.
        if authorizations.next().is_some() {
            return Token::Malformed;
        }
        let token = authorization.to_str().ok().and_then(bearer);
        return token.map_or(Token::Malformed, classify);
    }
    match headers.get("x-api-key").map(|key| key.to_str().map(classify)) {
        None => Token::None,
        Some(Ok(key @ Token::ApiKey(_))) => key,
        Some(_) => Token::Malformed,
    }
}

fn bearer(authorization: &str) -> Option<&str> {
    let (scheme, token) = authorization.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then_some(token.trim_matches(' '))
}

/// The token of that text.
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
    use http::HeaderValue;
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
    fn the_scheme_is_compared_without_regard_to_case() {
        for scheme in ["Bearer", "bearer", "BEARER"] {
            let headers = headers(&[("authorization", &format!("{scheme} sb_x_y"))]);
            assert_eq!(presented(&headers), Token::ApiKey("sb_x_y"));
        }
    }

    #[test]
    fn another_scheme_an_empty_token_and_two_tokens_are_malformed() {
        for value in ["Basic YTpi", "Bearer", "Bearer ", "sb_x_y"] {
            assert_eq!(presented(&headers(&[("authorization", value)])), Token::Malformed, "{value}");
        }
        let twice = headers(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]);
        assert_eq!(presented(&twice), Token::Malformed);
    }

    #[test]
    fn the_key_header_takes_keys_only_and_yields_to_authorization() {
        assert_eq!(presented(&headers(&[("x-api-key", "sb_x_y")])), Token::ApiKey("sb_x_y"));
        assert_eq!(presented(&headers(&[("x-api-key", "a.b.c")])), Token::Malformed);
        let both = headers(&[("x-api-key", "sb_x_y"), ("authorization", "Bearer a.b.c")]);
        assert_eq!(presented(&both), Token::Login("a.b.c"));
        assert_eq!(presented(&HeaderMap::new()), Token::None);
    }

    proptest! {
        #[test]
        fn no_header_value_panics(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(value) = HeaderValue::from_bytes(&bytes) {
                let mut headers = HeaderMap::new();
                headers.insert(AUTHORIZATION, value);
                let _ = presented(&headers);
            }
        }
    }
}
