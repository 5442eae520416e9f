//! Named segments: what may be created and opened, what not, what is left over and removed, and what is not.
#![cfg(not(any(heddle_loom, heddle_shuttle, heddle_mutants, miri)))]

#[path = "named/races.rs"]
mod races;

use std::fs::{self, File, Permissions};
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::time::Duration;

use heddle_ipc::named::{CreateError, MAX_NAME, OpenError, SharedMemory, clean_if, list};
use heddle_ipc::sync::{Address, LockError, Mutex};
use heddle_ipc::{Member, Segment, Workers};
use heddle_primitives::sync::atomic::{AtomicU64, Ordering};
use heddle_primitives::sync::thread;

/// A name for one test of this process, that [`Tidy`] removes.
struct Tidy(String);

impl Tidy {
    fn name(test: &str) -> Tidy {
        Tidy(format!("test-{test}-{}", std::process::id()))
    }

    fn path(&self) -> PathBuf {
        directory().join(&self.0)
    }

    fn is_listed(&self) -> bool {
        list().unwrap().iter().any(|entry| entry.name.starts_with(&self.0))
    }
}

impl Drop for Tidy {
    fn drop(&mut self) {
        let _ = clean_if(|entry| entry.name.starts_with(&self.0));
        let _ = fs::remove_file(self.path());
    }
}

fn directory() -> PathBuf {
    format!("/dev/shm/heddle-{}", rustix::process::geteuid().as_raw()).into()
}

/// Something of this content and mode at a name's place.
fn plant(at: &Tidy, content: &[u8], mode: u32) {
    // Keeps the directory.
    let keep = SharedMemory::create_unique(1).unwrap();
    fs::write(at.path(), content).unwrap();
    fs::set_permissions(at.path(), Permissions::from_mode(mode)).unwrap();
    keep.unlink().unwrap();
}

/// The bytes of a good segment.
fn good() -> Vec<u8> {
    let name = Tidy::name("good");
    let memory = SharedMemory::create(&name.0, 4096).unwrap();
    let bytes = fs::read(name.path()).unwrap();
    memory.unlink().unwrap();
    bytes
}

#[test]
fn bytes_by_name() {
    let name = Tidy::name("bytes");
    let ours = SharedMemory::create(&name.0, 10_000).unwrap();
    let theirs = SharedMemory::open(&name.0).unwrap();
    assert_eq!((ours.len(), theirs.len()), (10_000, 10_000));
    assert_ne!(ours.as_ptr(), theirs.as_ptr());
    // SAFETY: within the contents; nobody else has them.
    unsafe { ours.as_ptr().wrapping_add(9_999).write(7) };
    // SAFETY: as above.
    assert_eq!(unsafe { theirs.as_ptr().wrapping_add(9_999).read() }, 7);
    assert!(!ours.segment().is_sealed());
    assert!(matches!(Segment::open(ours.segment().fd()), Err(heddle_ipc::OpenError::NotSealed)));
    let mode = fs::metadata(name.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o7777, 0o600);
    assert_eq!(fs::metadata(directory()).unwrap().permissions().mode() & 0o7777, 0o700);

    assert!(theirs.unlink().unwrap());
    assert!(!ours.unlink().unwrap(), "gone already");
    assert!(matches!(SharedMemory::open(&name.0), Err(OpenError::NotFound { .. })));
    // SAFETY: as above: the memory stays while somebody has it open.
    assert_eq!(unsafe { ours.as_ptr().wrapping_add(9_999).read() }, 7);
    // The name is another's by now.
    let next = SharedMemory::create(&name.0, 1).unwrap();
    assert!(!theirs.unlink().unwrap(), "not theirs");
    assert!(SharedMemory::open(&name.0).is_ok());
    next.unlink().unwrap();
}

#[test]
fn names_and_sizes() {
    let long = "x".repeat(MAX_NAME + 1);
    for name in ["", ".", "..", "a/b", "/a", "a\0b", &long] {
        assert!(matches!(SharedMemory::create(name, 1), Err(CreateError::Name { .. })), "{name:?}");
        assert!(matches!(SharedMemory::open(name), Err(OpenError::Name { .. })), "{name:?}");
    }
    let longest = Tidy("y".repeat(MAX_NAME));
    SharedMemory::create(&longest.0, 1).unwrap().unlink().unwrap();
    let name = Tidy::name("sizes");
    assert!(matches!(SharedMemory::create(&name.0, 0), Err(CreateError::Empty)));
    for size in [usize::MAX, isize::MAX as usize] {
        assert!(matches!(SharedMemory::create(&name.0, size), Err(CreateError::TooLong { .. })), "{size}");
    }
    assert!(matches!(SharedMemory::create(&name.0, 1 << 60), Err(CreateError::NoMemory { .. })));
    assert!(!name.is_listed());
}

/// More than the file system holds is an error at once, and never a signal later.
#[test]
fn a_full_file_system() {
    let name = Tidy::name("full");
    let shm = rustix::fs::statvfs("/dev/shm").unwrap();
    let all = shm.f_blocks * shm.f_frsize;
    let error = SharedMemory::create(&name.0, all as usize + 1).unwrap_err();
    assert!(matches!(error, CreateError::NoMemory { .. }), "{error}");
    assert!(!name.is_listed());
}

#[test]
fn a_name_is_taken_once() {
    let name = Tidy::name("once");
    let first = SharedMemory::create_with(&name.0, AtomicU64::new(1)).unwrap();
    for _ in 0..2 {
        let second = SharedMemory::create_with(&name.0, AtomicU64::new(2));
        assert!(matches!(second, Err(CreateError::Exists { .. })));
    }
    assert_eq!(first.root::<AtomicU64>().unwrap().load(Ordering::Relaxed), 1);
    let same = SharedMemory::open_as::<AtomicU64>(&name.0).unwrap();
    assert_eq!(same.root::<AtomicU64>().unwrap().load(Ordering::Relaxed), 1);
}

/// Of any number of creators at once one succeeds.
#[test]
fn creators_at_once() {
    let name = Tidy::name("race");
    for _ in 0..50 {
        let created: Vec<_> = thread::scope(|scope| {
            let create = || SharedMemory::create_with(&name.0, AtomicU64::new(0));
            let threads: Vec<_> = (0..3).map(|_| scope.spawn(create)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        let (fine, refused): (Vec<_>, Vec<_>) = created.into_iter().partition(Result::is_ok);
        assert_eq!((fine.len(), refused.len()), (1, 2));
        assert!(refused.iter().all(|error| matches!(error, Err(CreateError::Exists { .. }))));
        assert!(fine.into_iter().all(|memory| memory.unwrap().unlink().unwrap()));
    }
}

#[test]
fn contents_have_a_type() {
    let name = Tidy::name("type");
    let memory = SharedMemory::create_with(&name.0, [const { AtomicU64::new(3) }; 4]).unwrap();
    assert_eq!(memory.len(), 32);
    assert!(SharedMemory::open_as::<[AtomicU64; 4]>(&name.0).is_ok());
    assert!(matches!(SharedMemory::open_as::<[AtomicU64; 3]>(&name.0), Err(OpenError::Root(_))));
    assert!(matches!(SharedMemory::open_as::<[u64; 4]>(&name.0), Err(OpenError::Root(_))));
    assert!(memory.root::<AtomicU64>().is_err());
    assert!(memory.contents::<u64>().is_err());
    memory.unlink().unwrap();
    let memory = SharedMemory::create(&name.0, 32).unwrap();
    assert!(memory.contents::<[u8; 32]>().is_err(), "bytes have none");
}

/// What is no segment is refused by an error of its own, and left where it is.
#[test]
fn what_is_no_segment() {
    let name = Tidy::name("wrong");
    let target = Tidy::name("target");
    let real = SharedMemory::create(&target.0, 4096).unwrap();
    symlink(target.path(), name.path()).unwrap();
    assert!(matches!(SharedMemory::open(&name.0), Err(OpenError::NotAFile)));
    assert!(matches!(SharedMemory::create(&name.0, 1), Err(CreateError::Exists { .. })));
    assert!(clean_if(|entry| entry.name == name.0).unwrap().is_empty());
    assert!(name.path().is_symlink());
    fs::remove_file(name.path()).unwrap();
    fs::create_dir(name.path()).unwrap();
    assert!(matches!(SharedMemory::open(&name.0), Err(OpenError::NotAFile)));
    fs::remove_dir(name.path()).unwrap();
    assert!(SharedMemory::open(&target.0).is_ok());
    drop(real);

    let good = good();
    let mut magic = good.clone();
    magic[0] ^= 1;
    let mut version = good.clone();
    version[8] ^= 1;
    let mut total = good.clone();
    total[16] ^= 1;
    let mut root = good.clone();
    root[55] = 0x80;
    let mut root_len = good.clone();
    root_len[56..64].fill(0xFF);
    type Expected = fn(&OpenError) -> bool;
    let cases: [(&str, &[u8], u32, Expected); 11] = [
        ("empty", &[], 0o600, |e| matches!(e, OpenError::Segment(heddle_ipc::OpenError::TooShort { .. }))),
        ("cut off", &good[..good.len() - 1], 0o600, |e| {
            matches!(e, OpenError::Segment(heddle_ipc::OpenError::Size { .. }))
        }),
        ("no more than a header", &good[..128], 0o600, |e| {
            matches!(e, OpenError::Segment(heddle_ipc::OpenError::TooShort { .. }))
        }),
        ("magic", &magic, 0o600, |e| matches!(e, OpenError::Segment(heddle_ipc::OpenError::NotOurs { .. }))),
        ("zeros", &[0; 8192], 0o600, |e| {
            matches!(e, OpenError::Segment(heddle_ipc::OpenError::NotPublished))
        }),
        ("version", &version, 0o600, |e| {
            matches!(e, OpenError::Segment(heddle_ipc::OpenError::Version { .. }))
        }),
        ("total", &total, 0o600, |e| matches!(e, OpenError::Segment(heddle_ipc::OpenError::Size { .. }))),
        ("root", &root, 0o600, |e| matches!(e, OpenError::Damaged { .. })),
        ("root's length", &root_len, 0o600, |e| matches!(e, OpenError::Damaged { .. })),
        ("readable by others", &good, 0o644, |e| matches!(e, OpenError::Mode { found: 0o644 })),
        ("set-user-id", &good, 0o4600, |e| matches!(e, OpenError::Mode { found: 0o4600 })),
    ];
    for (what, content, mode, expected) in cases {
        plant(&name, content, mode);
        let error = SharedMemory::open(&name.0).unwrap_err();
        assert!(expected(&error), "{what}: {error:?}");
        assert!(name.path().exists(), "{what}");
        fs::remove_file(name.path()).unwrap();
    }
    plant(&name, &good, 0o600);
    assert!(SharedMemory::open(&name.0).is_ok(), "the untouched one");
}

/// A file with holes could be a signal at the first access.
#[test]
fn holes_are_refused() {
    let name = Tidy::name("holes");
    plant(&name, &good()[..4096], 0o600);
    File::options().write(true).open(name.path()).unwrap().set_len(1 << 30).unwrap();
    assert!(matches!(SharedMemory::open(&name.0), Err(OpenError::Holes { .. })));
}

#[test]
fn another_users_file() {
    if !rustix::process::geteuid().is_root() {
        // Only root can give a file away.
        return;
    }
    let name = Tidy::name("owner");
    plant(&name, &good(), 0o600);
    std::os::unix::fs::chown(name.path(), Some(12_345), None).unwrap();
    assert!(matches!(SharedMemory::open(&name.0), Err(OpenError::Owner { found: 12_345 })));
    assert!(clean_if(|entry| entry.name == name.0).unwrap().is_empty());
    assert!(name.path().exists());
}

#[test]
fn list_and_clean() {
    let name = Tidy::name("clean");
    let [used, left] = ["a", "b"].map(|end| format!("{}-{end}", name.0));
    let held = SharedMemory::create(&used, 100).unwrap();
    drop(SharedMemory::create(&left, 100).unwrap());
    let ours: Vec<_> = list().unwrap().into_iter().filter(|entry| entry.name.starts_with(&name.0)).collect();
    let told: Vec<_> = ours.iter().map(|entry| (entry.name.as_str(), entry.in_use)).collect();
    assert_eq!(told, [(used.as_str(), true), (left.as_str(), false)]);
    assert!(ours.iter().all(|entry| entry.len > 100));
    assert_eq!(clean_if(|entry| entry.name.starts_with(&name.0)).unwrap(), [left]);
    // A membership keeps it in use, too.
    let member = held.join().unwrap();
    drop(held);
    assert!(clean_if(|entry| entry.name.starts_with(&name.0)).unwrap().is_empty());
    assert_eq!(member.count(), 1);
    drop(member);
    assert_eq!(clean_if(|entry| entry.name.starts_with(&name.0)).unwrap(), [used]);
}

type Root = Address<Mutex<u64>>;

fn find(name: [u8; 64]) -> (SharedMemory, Member, Mutex<u64>) {
    let memory = SharedMemory::open_as::<Root>(text(&name)).expect("the parent made it");
    let member = memory.join().expect("room for one more");
    let mutex = Mutex::attach(memory.contents::<Root>().expect("as opened")).expect("joined");
    (memory, member, mutex)
}

/// A name as an argument of a task.
fn bytes(name: &str) -> [u8; 64] {
    let mut bytes = [0; 64];
    bytes[..name.len()].copy_from_slice(name.as_bytes());
    bytes
}

fn text(name: &[u8; 64]) -> &str {
    core::str::from_utf8(name).unwrap().trim_end_matches('\0')
}

/// Locks that survive their owners work in a named segment as in others.
#[test]
fn robust_primitives_by_name() {
    let name = Tidy::name("robust");
    let memory = SharedMemory::build::<Root>(&name.0, 4096, |member| Ok(Mutex::new_in(member, 1)?.address()));
    let memory = memory.unwrap();
    let mutex = find(bytes(&name.0)).2;
    fn hold(name: [u8; 64]) -> u64 {
        let found = find(name);
        let mut guard = found.2.lock().expect("nobody died");
        *guard += 1;
        core::mem::forget(guard);
        core::mem::forget(found);
        0
    }
    let workers = Workers::start(1).unwrap();
    workers.call(0, hold, bytes(&name.0)).unwrap();
    assert!(mutex.try_lock_for(Duration::from_millis(2)).is_err());
    workers.kill(0).unwrap();
    let Err(LockError::OwnerDied(mut guard)) = mutex.lock() else { panic!("its owner is dead") };
    guard.mark_consistent();
    assert_eq!(*guard, 2);
    drop(guard);
    memory.unlink().unwrap();
}

/// What the next test runs in a name space of its own, where `/dev/shm` has 1 MiB and `argument` is the mode of the directory.
fn alone(mode: &str) {
    let refused = mode != "700";
    match SharedMemory::create("first", 200_000) {
        Err(CreateError::Directory { .. }) if refused => {
            assert!(matches!(SharedMemory::open("first"), Err(OpenError::Directory { .. })));
            assert_eq!(list().unwrap_err().kind(), ErrorKind::PermissionDenied);
            return;
        }
        other => assert!(!refused && other.is_ok(), "{other:?}"),
    }
    // Full: an error, and what is there stays usable.
    let made: Vec<_> = (0..9).map(|n| SharedMemory::create(&format!("{n}"), 200_000)).collect();
    let fine: Vec<_> = made.iter().flatten().collect();
    assert!((2..9).contains(&fine.len()), "{}", fine.len());
    for memory in fine {
        // SAFETY: the contents, which nobody else has.
        unsafe { memory.as_ptr().write_bytes(1, memory.len()) };
    }
    let refused = made.iter().filter_map(|made| made.as_ref().err());
    assert!(refused.clone().all(|error| matches!(error, CreateError::NoMemory { .. })));
    assert_eq!(list().unwrap().len() + refused.count(), 10, "with the first, and nothing else");
    drop(made);
    assert!(clean_if(|_| true).unwrap().len() > 2);
    assert!(!directory().exists(), "removed with its last file");
}

/// A `/dev/shm` that is full, and a directory that is not the user's alone.
#[test]
fn a_file_system_of_its_own() {
    const MODE: &str = "HEDDLE_TEST_DIRECTORY";
    if let Ok(mode) = std::env::var(MODE) {
        return alone(&mode);
    }
    let mount = "mount -t tmpfs -o size=1m none /dev/shm && mkdir -m $HEDDLE_TEST_DIRECTORY /dev/shm/heddle-0 && exec \"$0\" $@";
    let in_name_space = |command: &str, mode: &str| {
        let mut unshare = std::process::Command::new("unshare");
        unshare.args(["-rm", "sh", "-c", command]).arg(std::env::current_exe().unwrap());
        unshare.args(["--exact", "a_file_system_of_its_own"]).env(MODE, mode).output()
    };
    // Where users may not have name spaces there is nothing to see.
    if !in_name_space("mount -t tmpfs none /dev/shm", "700").is_ok_and(|output| output.status.success()) {
        return;
    }
    for mode in ["700", "755", "770"] {
        let output = in_name_space(mount, mode).unwrap();
        let told = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success() && told.contains("1 passed"), "{mode}: {told}");
    }
}
