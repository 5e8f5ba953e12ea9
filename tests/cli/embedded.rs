//! The private PostgreSQL: shared by all, left behind by none.

use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

use super::harness::{Place, kill};

/// A service that is ready, and its address.
fn serve(place: &Place) -> (Child, String) {
    let mut command = place.command(&["serve", "--listen", "127.0.0.1:0", "--log-level", "off"]);
    let mut serving = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    BufReader::new(serving.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let address = line.trim_end().strip_prefix("switchboard is ready on ").unwrap().to_owned();
    (serving, address)
}

#[test]
fn ten_commands_at_once_share_what_was_not_there_before() {
    let place = Place::new();
    let names: Vec<_> = (0..10).map(|number| format!("Org {number}")).collect();
    let creating = names
        .iter()
        .map(|name| place.command(&["org", "create", "--name", name]).stdout(Stdio::null()).spawn().unwrap());
    for mut command in creating.collect::<Vec<_>>() {
        assert!(command.wait().unwrap().success());
    }
    assert_eq!(place.ask(&["org", "list"]).lines().count(), 10);
    place.wait_until_empty();
}

#[test]
fn whoever_is_killed_nothing_stays_and_the_next_start_recovers() {
    let place = Place::new();
    place.ask(&["org", "create", "--name", "Acme"]);

    let (mut serving, address) = serve(&place);
    assert_eq!(place.run(&["healthcheck", &address]).code, Some(0));
    serving.kill().unwrap();
    serving.wait().unwrap();
    place.wait_until_empty();

    let (mut serving, _) = serve(&place);
    let keeper = place.keeper().unwrap();
    kill(keeper);
    place.wait_until_empty();
    assert_eq!(place.ask(&["org", "list"]).lines().count(), 1);
    serving.kill().unwrap();
    serving.wait().unwrap();

    let (mut serving, _) = serve(&place);
    for id in place.processes() {
        kill(id);
    }
    serving.kill().unwrap();
    serving.wait().unwrap();
    assert_eq!(place.ask(&["org", "list"]).lines().count(), 1);
    place.wait_until_empty();
}

#[test]
fn the_number_of_a_dead_server_may_belong_to_another_process() {
    let place = Place::new();
    place.ask(&["org", "create", "--name", "Acme"]);
    let pid_file = place.directory.join("postgres/postmaster.pid");
    std::fs::write(&pid_file, format!("{}\n", std::process::id())).unwrap();
    assert_eq!(place.ask(&["org", "list"]).lines().count(), 1);
    place.wait_until_empty();
}

#[test]
fn a_cluster_of_another_version_is_refused_by_name() {
    let place = Place::new();
    place.ask(&["migrate", "up"]);
    std::fs::write(place.directory.join("postgres/PG_VERSION"), "9\n").unwrap();
    let refused = place.run(&["org", "list"]);
    assert_eq!(refused.code, Some(1));
    assert!(refused.stderr.contains("made by PostgreSQL 9"), "{}", refused.stderr);
}

#[test]
fn a_service_stops_in_order_and_leaves_nothing() {
    let place = Place::new();
    let (mut serving, _) = serve(&place);
    let id = rustix::process::Pid::from_child(&serving);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    assert!(serving.wait().unwrap().success());
    assert!(place.processes().is_empty());
}
