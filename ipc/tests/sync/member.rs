use heddle_ipc::{JoinError, Member, Segment, SegmentRef};

use super::{eventually, kill, panics_in_a_fork, workers};

fn join_and_stay(segment: SegmentRef) -> u64 {
    let member = Member::attach(segment).expect("the parent holds it");
    let count = member.count();
    core::mem::forget(member);
    count as u64
}

fn join_and_leave(segment: SegmentRef) -> u64 {
    Member::attach(segment).expect("the parent holds it").count() as u64
}

#[test]
fn members_come_and_go() {
    let member = Member::create("members", 0).unwrap();
    assert_eq!(member.count(), 1);
    let workers = workers(2);
    let segment = member.segment().share();
    assert_eq!(workers.call(0, join_and_leave, segment), Ok(2));
    assert_eq!(member.count(), 1, "it has left");
    assert_eq!(workers.call(0, join_and_stay, segment), Ok(2));
    assert_eq!(workers.call(1, join_and_stay, segment), Ok(3));
    assert_eq!(workers.call(1, join_and_stay, segment), Ok(3), "joined once");
    kill(&workers, 0);
    assert_eq!(member.count(), 2);
    drop(workers);
    assert_eq!(member.count(), 1);
}

#[test]
fn joined_once_in_a_process() {
    let first = Member::create("twice", 0).unwrap();
    let second = Member::join(Segment::open(first.segment().fd()).unwrap()).unwrap();
    assert_eq!(first.count(), 1);
    drop(first);
    assert_eq!(second.count(), 1);
}

/// Slots are given out again, and never mistaken for those of dead members.
#[test]
fn more_deaths_than_slots() {
    let member = Member::create("many", 0).unwrap();
    let segment = member.segment().share();
    let mut workers = workers(1);
    for _ in 0..300 {
        // Joins and leaves: each is another stay.
        assert_eq!(workers.call(0, join_and_leave, segment), Ok(2));
    }
    for _ in 0..20 {
        assert_eq!(workers.call(0, join_and_stay, segment), Ok(2));
        kill(&workers, 0);
        workers.restart(0).unwrap();
    }
}

#[test]
fn a_segment_without_room_cannot_be_joined() {
    let segment = Segment::create("small", 256).unwrap();
    assert!(matches!(Member::join(segment), Err(JoinError::NoRoom { .. })));
}

#[test]
fn a_damaged_header_is_an_error() {
    let segment = Segment::create("damaged", 1 << 12).unwrap();
    // Where the header says that the table is.
    let place = segment.as_ptr().wrapping_add(40).cast::<u64>();
    for nonsense in [1, 127, 129, 1 << 12, u64::MAX, 1 << 63] {
        let segment = Segment::open(segment.fd()).unwrap();
        // SAFETY: within the mapping, aligned; nobody else uses the segment.
        unsafe { place.write_volatile(nonsense) };
        assert!(matches!(Member::join(segment), Err(JoinError::Table { .. })), "{nonsense}");
    }
}

/// A fork shares file descriptions: the child must neither be taken for its parent nor keep it alive.
#[test]
fn a_forked_child_is_no_member() {
    let workers = workers(1);
    let member = Member::create("forked", 0).unwrap();
    let segment = member.segment().share();
    // The worker forks, and is killed while its child lives.
    fn fork(segment: SegmentRef) -> u64 {
        let member = Member::attach(segment).expect("the parent holds it");
        // SAFETY: the child calls nothing but what may be called after a fork, and sleeps.
        let child = unsafe { libc::fork() };
        if child == 0 {
            // SAFETY: always allowed.
            unsafe { libc::sleep(30) };
            // SAFETY: as above.
            unsafe { libc::_exit(0) };
        }
        core::mem::forget(member);
        child as u64
    }
    let child = workers.call(0, fork, segment).unwrap();
    assert_eq!(member.count(), 2);
    kill(&workers, 0);
    eventually("the child does not keep its parent's place", || member.count() == 1);
    // SAFETY: a process that this test started, and that nobody has waited for.
    unsafe { libc::kill(child as i32, libc::SIGKILL) };
}

/// However often a forked child attaches, it is one member.
#[test]
fn a_forked_child_attaches_once() {
    let workers = workers(1);
    let member = Member::create("forked", 0).unwrap();
    fn fork(segment: SegmentRef) -> u64 {
        let member = Member::attach(segment).expect("the parent holds it");
        let failed = panics_in_a_fork(|| {
            let attach = || Member::attach(segment).expect("the parent's parent holds it");
            let (first, second) = (attach(), attach());
            assert_eq!((first.count(), second.count()), (3, 3), "one stay for each attachment");
        });
        drop(member);
        u64::from(failed)
    }
    assert_eq!(workers.call(0, fork, member.segment().share()), Ok(0));
    eventually("all have left", || member.count() == 1);
}
