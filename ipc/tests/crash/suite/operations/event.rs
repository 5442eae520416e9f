//! The event, whose sleepers look around by themselves.

use heddle_ipc::sync::Event;

use crate::suite::memory::Gate;
use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::slate::Cue;
use crate::suite::tracer::traced;

fn attach(event: &Event) -> Event {
    Event::attach(event.address()).expect("its maker lives")
}

/// A death at setting it; contended: somebody sleeps for it.
pub struct Set;

struct Setting {
    event: Event,
    sleepers: usize,
}

impl Operation for Set {
    fn name(&self) -> &'static str {
        "event::set"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended]
    }

    fn prepare(&self, path: Path) -> Box<dyn Scene> {
        let sleepers = if path == Path::Contended { 2 } else { 0 };
        Box::new(Setting { event: Event::new().expect("a segment"), sleepers })
    }
}

impl Scene for Setting {
    fn bystanders(&self) -> usize {
        self.sleepers
    }

    fn bystander(&self, _: usize, cue: &Cue) {
        let event = attach(&self.event);
        cue.ready();
        event.wait();
    }

    fn victim(&self) {
        let event = attach(&self.event);
        traced(|| event.set());
    }

    /// Where the victim has not set it, somebody else does, for the sleepers to go on.
    fn after(&self) {
        if !self.event.is_set() {
            self.event.set();
        }
    }

    fn check(&self, _: Death) -> Found {
        let event = attach(&self.event);
        event.wait();
        event.clear();
        assert!(!event.is_set());
        event.set();
        event.wait();
        Found::Whole
    }
}

/// A death at waiting for it; another sleeper must go on all the same.
pub struct Wait;

struct Waiting {
    event: Event,
    set: bool,
    gate: Gate,
}

impl Operation for Wait {
    fn name(&self) -> &'static str {
        "event::wait"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended]
    }

    fn prepare(&self, path: Path) -> Box<dyn Scene> {
        let event = Event::new().expect("a segment");
        let set = path == Path::Fast;
        if set {
            event.set();
        }
        Box::new(Waiting { event, set, gate: Gate::new() })
    }
}

impl Scene for Waiting {
    fn bystanders(&self) -> usize {
        if self.set { 0 } else { 2 }
    }

    /// One sets it when the victim sleeps, the other waits as the victim does.
    fn bystander(&self, n: usize, cue: &Cue) {
        let event = attach(&self.event);
        cue.ready();
        if n == 0 {
            cue.wait();
            event.set();
        } else {
            self.gate.pass();
            event.wait();
        }
    }

    fn victim(&self) {
        let event = attach(&self.event);
        self.gate.open();
        traced(|| event.wait());
    }

    fn check(&self, _: Death) -> Found {
        attach(&self.event).wait();
        Found::Whole
    }
}
