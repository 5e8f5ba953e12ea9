//! The session at WAHA: its state, its engine, its webhooks.

use http::Method;
use serde_json::{Value, json};

use super::client::{Client, Failure, LONG, SHORT};
use super::fields::{person, text};
use super::state;
use crate::connect::gateway::{GatewayError, LineState};
use crate::ids::{AddressKind, ChatAddress};

/// What is mapped, and nothing else: `message` would be every incoming message once more.
const EVENTS: [&str; 14] = [
    "message.any",
    "message.ack",
    "message.ack.group",
    "message.reaction",
    "message.edited",
    "message.revoked",
    "chat.archive",
    "group.v2.join",
    "group.v2.leave",
    "group.v2.update",
    "group.v2.participants",
    "poll.vote",
    "call.received",
    "session.status",
];

impl Client {
    /// The session.
    pub(super) async fn session(&self) -> Result<Value, Failure> {
        self.get(&self.session_path(), &[], SHORT).await
    }

    /// The state of the session.
    ///
    /// # Errors
    ///
    /// The session is one of another phone number.
    pub(super) fn state(&self, session: &Value) -> Result<LineState, GatewayError> {
        let own = ChatAddress::of_phone(&self.settings.phone);
        let me = person(session, &["/me/id"]).filter(|me| me.kind() == AddressKind::Person);
        if me.is_some_and(|me| me != own && Some(me) != own.other_spelling()) {
            let problem = "the session of WAHA has another phone number than this connection";
            return Err(GatewayError::Unexpected(problem.to_owned()));
        }
        let status = text(session, &["/status"]);
        let status =
            status.ok_or_else(|| GatewayError::Unexpected("WAHA's session has no status".to_owned()))?;
        Ok(state::of(&status))
    }

    /// Whether the engine sends messages under ids of ours. Those that run a browser ignore the id.
    pub(super) async fn keeps_ids(&self) -> Result<bool, Failure> {
        let session = self.session().await?;
        let engine = match text(&session, &["/engine/engine", "/engine"]) {
            Some(engine) => Some(engine),
            None => text(&self.get("/api/server/version", &[], SHORT).await?, &["/engine"]),
        };
        Ok(engine.is_some_and(|engine| matches!(engine.as_str(), "NOWEB" | "GOWS")))
    }

    /// Makes the session send its webhooks to the URL. Webhooks to other URLs stay.
    ///
    /// WAHA restarts a session whose settings change, so they are left alone if they fit.
    pub(super) async fn set_webhook(&self, url: &str) -> Result<(), GatewayError> {
        let session = self.session().await.map_err(Failure::into_gateway_error)?;
        let mut config =
            session.get("config").filter(|config| config.is_object()).cloned().unwrap_or(json!({}));
        let webhook = json!({
            "url": url,
            "events": EVENTS,
            "hmac": { "key": self.settings.webhook_secret.expose() },
            // The last attempt is after 18 hours.
            "retries": { "policy": "exponential", "delaySeconds": 2, "attempts": 15 },
        });
        let mut webhooks = config["webhooks"].as_array().cloned().unwrap_or_default();
        if webhooks.iter().any(|known| holds(known, &webhook)) {
            return Ok(());
        }
        // The path names the connection; the host may be a former one.
        webhooks.retain(|known| text(known, &["/url"]).is_none_or(|known| path(&known) != path(url)));
        webhooks.push(webhook);
        config["webhooks"] = webhooks.into();
        let body = json!({ "config": config });
        self.request(Method::PUT, &self.session_path(), Some(&body), LONG)
            .await
            .map_err(Failure::into_gateway_error)?;
        Ok(())
    }

    fn session_path(&self) -> String {
        let path = self.path(&[]);
        path.replacen("/api/", "/api/sessions/", 1)
    }
}

/// Whether the first object has all that the second one has.
fn holds(known: &Value, wanted: &Value) -> bool {
    wanted.as_object().is_some_and(|wanted| wanted.iter().all(|(name, value)| known.get(name) == Some(value)))
}

fn path(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    rest.find('/').map_or("", |at| &rest[at..])
}
