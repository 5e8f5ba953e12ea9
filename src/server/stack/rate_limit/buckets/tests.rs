//! What the buckets let pass, at times that are made up.

use proptest::prelude::*;

use super::*;
use crate::caller::Capabilities;

fn limits(key: u32, org: u32) -> RateLimits {
    RateLimits { key: NonZeroU32::new(key), org: NonZeroU32::new(org) }
}

fn caller(org: OrgId, name: &str) -> Caller {
    Caller {
        org,
        principal: Principal::Member(name.to_owned()),
        capabilities: Capabilities::default(),
        sessions: None,
        manages_owners: false,
    }
}

/// How many calls of one moment pass.
fn passing(buckets: &mut Buckets, caller: &Caller, now: Instant) -> u32 {
    (0..1000).take_while(|_| buckets.take(caller, now).is_ok()).count() as u32
}

#[test]
fn a_bucket_holds_what_a_second_brings_and_says_what_is_left() {
    let (mut buckets, start) = (Buckets::new(limits(4, 0)), Instant::now());
    let alice = caller(OrgId::generate(), "alice");
    let levels: Vec<_> = (0..4).map(|_| buckets.take(&alice, start).unwrap().unwrap()).collect();
    assert_eq!(levels.iter().map(|level| level.remaining).collect::<Vec<_>>(), [3, 2, 1, 0]);
    assert_eq!((levels[3].limit, levels[3].full_in), (4, WHOLE));
    let refusal = buckets.take(&alice, start).unwrap_err();
    assert_eq!((refusal.reason, refusal.wait, refusal.level), ("key_rate", WHOLE / 4, levels[3]));
    assert_eq!(passing(&mut buckets, &alice, start + refusal.wait - Duration::from_nanos(1)), 0);
    assert_eq!(passing(&mut buckets, &alice, start + refusal.wait), 1);
    assert_eq!(passing(&mut buckets, &alice, start + 10 * WHOLE), 4, "more than full it does not get");
}

#[test]
fn an_organization_is_limited_as_a_whole_and_costs_no_other_anything() {
    let (mut buckets, now) = (Buckets::new(limits(4, 6)), Instant::now());
    let (acme, other) = (OrgId::generate(), OrgId::generate());
    assert_eq!(passing(&mut buckets, &caller(acme, "alice"), now), 4);
    assert_eq!(passing(&mut buckets, &caller(acme, "bob"), now), 2);
    assert_eq!(buckets.take(&caller(acme, "bob"), now).unwrap_err().reason, "org_rate");
    assert_eq!(passing(&mut buckets, &caller(other, "alice"), now), 4, "the same subject, somebody else");
    // What the organization was refused was not taken from Bob.
    let later = now + WHOLE / 2;
    assert_eq!(passing(&mut buckets, &caller(acme, "bob"), later), 3);
}

#[test]
fn the_bucket_that_is_told_of_is_the_one_that_will_be_empty_first() {
    let (mut buckets, now) = (Buckets::new(limits(4, 6)), Instant::now());
    let acme = OrgId::generate();
    assert_eq!(buckets.take(&caller(acme, "alice"), now).unwrap().unwrap().limit, 4);
    assert_eq!(passing(&mut buckets, &caller(acme, "alice"), now), 3);
    assert_eq!(buckets.take(&caller(acme, "bob"), now).unwrap().unwrap().limit, 6);
}

#[test]
fn without_limits_everything_passes_and_nothing_is_kept() {
    let (mut buckets, now) = (Buckets::new(limits(0, 0)), Instant::now());
    let alice = caller(OrgId::generate(), "alice");
    assert_eq!((passing(&mut buckets, &alice, now), buckets.take(&alice, now)), (1000, Ok(None)));
    assert!(buckets.orgs.is_empty());
}

#[test]
fn memory_is_for_those_who_called_within_the_last_second() {
    let (mut buckets, start) = (Buckets::new(limits(100, 100_000)), Instant::now());
    let acme = OrgId::generate();
    for number in 0..20 * FEW {
        let now = start + WHOLE / 100 * u32::try_from(number).unwrap();
        buckets.take(&caller(acme, &number.to_string()), now).unwrap();
        buckets.take(&caller(OrgId::generate(), "alice"), now).unwrap();
        assert!(buckets.count <= 2 * FEW && buckets.orgs.len() <= 2 * FEW, "{number}");
    }
}

proptest! {
    #[test]
    fn no_span_of_time_lets_more_pass_than_a_full_bucket_and_what_it_gains(
        limit in 1_u32..50,
        pauses in proptest::collection::vec(0_u64..80, 1..200),
    ) {
        let (mut buckets, start) = (Buckets::new(limits(limit, 0)), Instant::now());
        let alice = caller(OrgId::generate(), "alice");
        let mut now = start;
        let mut passed: Vec<Instant> = Vec::new();
        for pause in pauses {
            now += Duration::from_millis(pause);
            match buckets.take(&alice, now) {
                Ok(_) => passed.push(now),
                Err(refusal) => {
                    // The wait is exact.
                    let then = taken(now + refusal.level.full_in, NonZeroU32::new(limit).unwrap(), now + refusal.wait);
                    prop_assert!(then.is_ok() && refusal.level.remaining == 0);
                }
            }
        }
        for (first, from) in passed.iter().enumerate() {
            for (last, to) in passed.iter().enumerate().skip(first) {
                let most = f64::from(limit) * (1.0 + (*to - *from).as_secs_f64());
                prop_assert!((last - first + 1) as f64 <= most + 1e-3, "{first}..={last}");
            }
        }
    }
}
