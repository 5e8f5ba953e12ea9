//! Every setting, once: its flag, its variable, its default and its words in `--help`.

use clap::{Arg, ArgAction, ArgMatches, Args, Command, Error, FromArgMatches};

/// Before the name of a setting, in capitals, to name its variable.
pub(super) const PREFIX: &str = "SWITCHBOARD_";
/// After the variable of a secret, to name the variable that says which file holds it.
pub(super) const FILE_SUFFIX: &str = "_FILE";

/// One setting.
#[derive(Debug)]
pub(crate) struct Setting {
    /// The flag without its dashes.
    pub(crate) name: &'static str,
    value_name: &'static str,
    /// What holds when nothing is said; the words in `help` when it depends on the machine.
    pub(super) default: Option<&'static str>,
    /// Whether it must not be shown, and may be read from a file.
    pub(crate) secret: bool,
    /// Whether it may be given several times, which means the same as once with commas.
    repeatable: bool,
    /// Whether only `serve` and `config` have the flag.
    serve_only: bool,
    help: &'static str,
}

const fn setting(
    name: &'static str,
    value_name: &'static str,
    default: Option<&'static str>,
    help: &'static str,
) -> Setting {
    Setting { name, value_name, default, secret: false, repeatable: false, serve_only: true, help }
}

/// All settings, in the order they are shown.
#[rustfmt::skip]
pub(super) const SETTINGS: [Setting; 33] = [
    Setting { secret: true, serve_only: false, ..setting("database-url", "URL", None,
        "PostgreSQL, as a libpq URL; without it, a private one in the data directory") },
    Setting { serve_only: false, ..setting("data-dir", "DIRECTORY", None,
        "Where the private PostgreSQL lives [default: $XDG_DATA_HOME/switchboard or ~/.local/share/switchboard]") },
    Setting { serve_only: false, ..setting("database-pool-size", "NUMBER", None,
        "Connections to PostgreSQL; about twice its cores is best [default: twice the cores of this machine]") },
    setting("database-acquire-timeout", "DURATION", Some("250ms"),
        "How long a call waits for a connection that others use before it is turned away"),
    Setting { serve_only: false, ..setting("log-level", "LEVEL", Some("info"),
        "What to log: off, error, warn, info, debug, trace, or such as info,switchboard=debug") },
    Setting { serve_only: false, ..setting("log-format", "FORMAT", Some("auto"),
        "How to log: text, json, or auto for text on a terminal and JSON elsewhere") },
    setting("listen", "ADDRESS:PORT", Some("127.0.0.1:8080"),
        "Where to serve gRPC, gRPC-Web and REST; port 0 takes a free one"),
    setting("metrics-address", "ADDRESS:PORT", None,
        "Where to serve metrics to Prometheus, as GET /metrics; nowhere without it"),
    Setting { secret: true, ..setting("signing-key", "KEY", None,
        "What cursors are signed with: 32 random bytes in hex or base64, the same for all instances; needed with --database-url, else made once and kept in the data directory") },
    Setting { secret: true, ..setting("previous-signing-key", "KEY", None,
        "The key before it, whose cursors are still accepted while keys are exchanged") },
    setting("jwks-url", "URL", None,
        "Keys that login tokens are signed with: an http(s) URL or the path of a file; without it, only api-keys are accepted"),
    setting("jwt-issuer", "ISSUER", None,
        "The `iss` that login tokens must have; needed with --jwks-url"),
    setting("jwt-audience", "AUDIENCE", None,
        "The `aud` that login tokens must have; needed with --jwks-url"),
    setting("jwt-org-claim", "CLAIM", Some("org_id"),
        "The claim that names the organization"),
    setting("jwt-role-claim", "CLAIM", Some("role"),
        "The claim that names the role: owner, admin or member"),
    setting("tls-cert", "FILE", None,
        "The certificate that callers are shown, in PEM, with those between it and its authority; without it, the service speaks no TLS. Read again when it changes, as are the other two"),
    setting("tls-key", "FILE", None,
        "The private key of the certificate, in PEM; needed with --tls-cert"),
    setting("tls-client-ca", "FILE", None,
        "Authorities, in PEM, one of which must have signed the certificate that each caller then has to show"),
    Setting { repeatable: true, ..setting("cors-allowed-origin", "ORIGIN", None,
        "An origin whose pages may call from a browser, such as https://inbox.acme.example; give one for each, or several with commas") },
    setting("request-timeout", "DURATION", Some("5s"),
        "The longest a call may take, such as 500ms or 5s"),
    setting("max-concurrent-requests", "NUMBER", Some("512"),
        "Calls at a time, of all callers together; more are turned away at once"),
    setting("key-rate-limit", "NUMBER", Some("100"),
        "Calls a second of one api-key or one member, or unlimited; this process counts its own"),
    setting("org-rate-limit", "NUMBER", Some("1000"),
        "Calls a second of one organization, or unlimited; this process counts its own"),
    setting("max-body-bytes", "BYTES", Some("1MiB"),
        "The largest request body, in bytes or with KiB or MiB"),
    setting("max-connections", "NUMBER", Some("10000"),
        "Connections at a time; more wait until one of them ends"),
    setting("max-connection-age", "DURATION", Some("30m"),
        "How old a connection may get before its client is told to open another one, so that load spreads"),
    setting("drain-delay", "DURATION", Some("3s"),
        "How long calls are still taken after the signal to stop, so that others learn of it and go elsewhere"),
    setting("drain-timeout", "DURATION", Some("10s"),
        "How long calls in flight may go on after that"),
    setting("event-retention", "DURATION", Some("7d"),
        "How long changes of chats can be looked up, and a watch taken up again where it ended"),
    setting("webhook-addresses", "WHICH", Some("public"),
        "Where webhooks may be: public, for https at public addresses alone, or any, for private networks too and without TLS"),
    setting("webhook-timeout", "DURATION", Some("10s"),
        "How long a webhook may take to answer"),
    setting("webhook-max-attempts", "NUMBER", Some("16"),
        "How many times a webhook is told of a change that it does not take, before that is a dead letter"),
    setting("webhook-initial-backoff", "DURATION", Some("5s"),
        "The pause before a webhook is told for the second time; it doubles with each, up to ten minutes"),
];

impl Setting {
    /// The name of its variable.
    pub(crate) fn variable(&self) -> String {
        format!("{PREFIX}{}", self.name.to_ascii_uppercase().replace('-', "_"))
    }

    /// The name of the variable that says which file holds it.
    pub(crate) fn file_variable(&self) -> Option<String> {
        self.secret.then(|| self.variable() + FILE_SUFFIX)
    }

    fn flag(&self) -> Arg {
        let default = self.default.map(|default| format!(" [default: {default}]")).unwrap_or_default();
        let or_file = if self.secret { " or …_FILE" } else { "" };
        Arg::new(self.name)
            .long(self.name)
            .value_name(self.value_name)
            .help(format!("{}{default} [env: {}{or_file}]", self.help, self.variable()))
            .help_heading(if self.serve_only { "Settings of the service" } else { "Settings" })
            .action(if self.repeatable { ArgAction::Append } else { ArgAction::Set })
            .global(!self.serve_only)
    }
}

/// Flags given for the settings that every command has.
pub(crate) type CommonFlags = Flags<false>;
/// Flags given for the settings that only `serve` and `config` have.
pub(crate) type ServeFlags = Flags<true>;

/// What the flags of settings say, unchecked: that is done together with the environment.
#[derive(Clone, Debug, Default)]
pub(crate) struct Flags<const SERVE_ONLY: bool>(Vec<(&'static str, String)>);

impl<const SERVE_ONLY: bool> Flags<SERVE_ONLY> {
    /// The name and the value of each setting given.
    pub(super) fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.as_str()))
    }

    fn settings() -> impl Iterator<Item = &'static Setting> {
        SETTINGS.iter().filter(|setting| setting.serve_only == SERVE_ONLY)
    }
}

impl<const SERVE_ONLY: bool> Args for Flags<SERVE_ONLY> {
    fn augment_args(command: Command) -> Command {
        command.args(Self::settings().map(Setting::flag))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const SERVE_ONLY: bool> FromArgMatches for Flags<SERVE_ONLY> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let mut flags = Self::default();
        flags.update_from_arg_matches(matches)?;
        Ok(flags)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        let given = Self::settings().filter_map(|setting| {
            let values: Vec<_> = matches.get_many::<String>(setting.name)?.map(String::as_str).collect();
            Some((setting.name, values.join(",")))
        });
        self.0 = given.collect();
        Ok(())
    }
}
