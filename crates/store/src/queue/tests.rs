//! Which jobs of two organizations start, and which wait.

use std::time::Duration;

use super::*;

fn org(number: u128) -> Option<OrgId> {
    Some(OrgId::from(uuid::Uuid::from_u128(number)))
}

/// A queue of a lane with 4 connections, of which 1 is reserved for reads.
/// 3 writes run at a time; of an organization 3 reads and 3 writes, but no more than 4 together.
fn queue() -> Queue {
    Queue::new(&PoolOptions { reserved_for_reads: 1, ..PoolOptions::background(4) })
}

fn push(queue: &mut Queue, org: Option<OrgId>, kind: JobKind) {
    push_until(queue, org, kind, Instant::now() + Duration::from_secs(60));
}

fn push_until(queue: &mut Queue, org: Option<OrgId>, kind: JobKind, expires_at: Instant) {
    queue.push(Job { org, kind, expires_at, work: Box::new(|| {}) });
}

/// Starts every job that may start.
fn start(queue: &mut Queue) -> (Vec<(Option<OrgId>, JobKind)>, Vec<Permits>) {
    std::iter::from_fn(|| queue.start()).map(|(job, permits)| ((job.org, job.kind), permits)).unzip()
}

#[test]
fn organization_leaves_a_quarter_to_others() {
    let [busy, calm] = [1, 2].map(org);
    let mut queue = queue();
    for org in [busy, busy, busy, busy, busy, None, calm] {
        push(&mut queue, org, JobKind::Read);
    }
    let (started, running) = start(&mut queue);
    assert_eq!(started.iter().map(|job| job.0).collect::<Vec<_>>(), [busy, busy, busy, None, calm]);
    queue.finish(&running[4]);
    assert_eq!(queue.ready(), 0, "that was not its own");
    queue.finish(&running[0]);
    queue.finish(&running[1]);
    assert_eq!(queue.ready(), 0, "others are active");
    queue.finish(&running[2]);
    let (started, later) = start(&mut queue);
    assert_eq!(started, [(busy, JobKind::Read)]);
    for permits in running[3..4].iter().chain(&later) {
        queue.finish(permits);
    }
    let (_, last) = start(&mut queue);
    last.iter().for_each(|permits| queue.finish(permits));
    assert!(queue.semaphores.is_empty(), "nothing is kept for idle organizations");
}

#[test]
fn organization_leaves_one_of_two_connections_to_others() {
    let [busy, calm] = [1, 2].map(org);
    let mut queue = Queue::new(&PoolOptions::background(2));
    for org in [busy, busy, calm] {
        push(&mut queue, org, JobKind::Write);
    }
    assert_eq!(start(&mut queue).0, [(busy, JobKind::Write), (calm, JobKind::Write)]);
}

#[test]
fn organization_has_more_again_when_others_were_idle() {
    let [busy, calm] = [1, 2].map(org);
    let mut queue = queue();
    for org in [calm, busy, busy, busy, busy] {
        push(&mut queue, org, JobKind::Read);
    }
    let (started, running) = start(&mut queue);
    assert_eq!(started.len(), 2, "one of each");
    queue.activity.other = Instant::now().checked_sub(ACTIVE);
    queue.finish(&running[1]);
    assert_eq!(start(&mut queue).0.len(), 3, "all that are left");
}

#[test]
fn reads_start_while_all_writes_wait() {
    let [first, second] = [1, 2].map(org);
    let mut queue = queue();
    for org in [first, first, first, second, first] {
        push(&mut queue, org, JobKind::Write);
    }
    let (writes, running) = start(&mut queue);
    assert_eq!(writes, [(first, JobKind::Write); 3]);
    for org in [first, first, second] {
        push(&mut queue, org, JobKind::Read);
    }
    let (reads, _) = start(&mut queue);
    assert_eq!(reads, [(first, JobKind::Read), (second, JobKind::Read)]);
    queue.finish(&running[0]);
    assert_eq!(start(&mut queue).0, [(second, JobKind::Write)], "the other one's turn");
}

#[test]
fn expired_jobs_release_their_permits() {
    let mut queue = queue();
    let busy = org(1);
    for _ in 0..4 {
        push_until(&mut queue, busy, JobKind::Write, Instant::now());
    }
    let waiting = |queue: &Queue| queue.semaphores.values().map(|it| it.waiting.len()).sum::<usize>();
    assert_eq!((queue.ready(), waiting(&queue)), (3, 0));
    assert!(queue.start().is_none());
    assert!(queue.semaphores.is_empty());
}
