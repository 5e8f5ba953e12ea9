//! Connecting to the server that accepts writes, of the servers that a URL names.
//!
//! libpq tries them one after the other, and waits `connect_timeout` for one that does not answer, such as a machine that
//! lost power or a process that hangs. After a failover, every new connection would wait for the former primary. So the server
//! that was connected last is tried first, and soon the others as well.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError, Sender};
use std::thread;
use std::time::{Duration, Instant};

use diesel::pg::PgConnection;
use diesel::{Connection as _, ConnectionError, ConnectionResult};

use super::timeline::Timeline;

/// How long the first server may take before the others are tried as well, and the pause before one is tried again.
const PAUSE: Duration = Duration::from_millis(250);

/// The place in the URL of the server that was connected last. A hint: it may be of another URL.
static LAST: AtomicUsize = AtomicUsize::new(0);

/// A connection, and the timeline of its server.
type Connected = (PgConnection, Option<Timeline>);
type Outcome = (usize, ConnectionResult<Connected>);

/// Connects to the server of the URL, or to the one that accepts writes; never to a former primary. Blocks.
pub(super) fn connect(url: &str) -> ConnectionResult<Connected> {
    let urls = urls(url);
    if urls.len() < 2 {
        return connect_one(url);
    }
    let first = LAST.load(Ordering::Relaxed) % urls.len();
    let (connected, outcomes) = mpsc::channel();
    let mut due: VecDeque<(Instant, usize)> = VecDeque::from([(Instant::now(), first)]);
    let others = (0..urls.len()).filter(|place| *place != first);
    due.extend(others.map(|place| (Instant::now() + PAUSE, place)));
    let (mut running, mut failed) = (0, vec![false; urls.len()]);
    loop {
        while let Some((_, place)) = due.pop_front_if(|(at, _)| *at <= Instant::now()) {
            start(place, urls[place].clone(), connected.clone())?;
            running += 1;
        }
        let next = due.front().map_or(PAUSE, |(at, _)| at.saturating_duration_since(Instant::now()));
        match outcomes.recv_timeout(next) {
            Ok((place, Ok(connection))) => {
                LAST.store(place, Ordering::Relaxed);
                return Ok(connection);
            }
            Ok((place, Err(error))) => {
                running -= 1;
                failed[place] = true;
                if running == 0 && failed.iter().all(|failed| *failed) {
                    return Err(error);
                }
                if running == 0 {
                    // The others need not wait.
                    due.iter_mut().for_each(|(at, _)| *at = Instant::now());
                }
                // While one has not answered, another one may become the primary.
                due.push_back((Instant::now() + PAUSE, place));
            }
            Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => {}
        }
    }
}

/// Connects to one server on a thread, which ends at the latest after `connect_timeout`. A connection that is not needed any
/// more is closed.
fn start(place: usize, url: String, connected: Sender<Outcome>) -> ConnectionResult<()> {
    let thread = thread::Builder::new().name("db-connecting".to_owned());
    let connect = move || {
        let _ = connected.send((place, connect_one(&url)));
    };
    thread.spawn(connect).map(drop).map_err(|error| ConnectionError::BadConnection(error.to_string()))
}

fn connect_one(url: &str) -> ConnectionResult<Connected> {
    let mut connection = PgConnection::establish(url)?;
    match Timeline::of(&mut connection) {
        Some(timeline) if !timeline.accept() => Err(ConnectionError::BadConnection(
            "the server is a former primary: another one has taken over".to_owned(),
        )),
        timeline => Ok((connection, timeline)),
    }
}

/// The URL of each server, when any that accepts writes is good; otherwise nothing: libpq has rules for the other choices.
fn urls(url: &str) -> Vec<String> {
    let (address, query) = url.split_once('?').unwrap_or((url, ""));
    let parameter = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        pairs.rfind(|(given, _)| *given == name).map(|(_, value)| value)
    };
    let any_primary = matches!(parameter("target_session_attrs"), Some("read-write" | "primary"));
    if !any_primary || parameter("hostaddr").is_some() {
        return Vec::new();
    }
    let authority =
        address.split_once("://").map_or("", |(_, rest)| rest.split('/').next().unwrap_or_default());
    let places = authority.rsplit('@').next().unwrap_or_default().split(',').map(host_and_port);
    let (hosts, ports): (Vec<&str>, Vec<&str>) = places.unzip();
    let hosts = parameter("host").map_or(hosts, |hosts| hosts.split(',').collect());
    let ports = parameter("port").map_or(ports, |ports| ports.split(',').collect());
    if ports.len() != hosts.len() && ports.len() > 1 {
        return Vec::new();
    }
    let port_of = |place: usize| ports.get(place).or(ports.first()).copied().unwrap_or_default();
    let own = |(place, host): (usize, &&str)| format!("{url}&host={host}&port={}", port_of(place));
    // Later parameters replace earlier ones.
    hosts.iter().enumerate().map(own).collect()
}

/// Splits `host`, `host:port` and `[address]:port`.
fn host_and_port(place: &str) -> (&str, &str) {
    match place.strip_prefix('[').and_then(|place| place.split_once(']')) {
        Some((address, port)) => (address, port.strip_prefix(':').unwrap_or_default()),
        None => place.split_once(':').unwrap_or((place, "")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_is_split_into_one_for_each_server() {
        let url = "postgres://u@db1.acme.example,[::1]:5433/d?target_session_attrs=read-write";
        let expected =
            ["&host=db1.acme.example&port=", "&host=::1&port=5433"].map(|own| format!("{url}{own}"));
        assert_eq!(urls(url), expected);
        let url = "postgres://u@/d?host=/run/a,/run/b&port=5433&target_session_attrs=primary";
        let expected = ["&host=/run/a&port=5433", "&host=/run/b&port=5433"].map(|own| format!("{url}{own}"));
        assert_eq!(urls(url), expected);
    }

    #[test]
    fn url_that_prefers_a_server_is_not_split() {
        for url in [
            "postgres://u@db1.acme.example,db2.acme.example/d",
            "postgres://u@db1.acme.example,db2.acme.example/d?target_session_attrs=prefer-standby",
            "postgres://u@a,b/d?hostaddr=127.0.0.1,127.0.0.2&target_session_attrs=read-write",
            "postgres://u@a,b,c/d?port=1,2&target_session_attrs=read-write",
        ] {
            assert_eq!(urls(url), Vec::<String>::new(), "{url}");
        }
        assert!(urls("postgres://u@db1.acme.example/d?target_session_attrs=read-write").len() < 2);
    }
}
