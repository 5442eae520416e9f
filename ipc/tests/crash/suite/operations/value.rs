//! A value that is read and written as a whole.

use heddle_ipc::sync::Value;

use crate::suite::operation::{Death, Found, Operation, Path, Scene};
use crate::suite::slate::Cue;
use crate::suite::tracer::traced;

/// Longer than a word, so that it could be torn.
type Big = [u64; 4];

const OLD: Big = [1; 4];
const NEW: Big = [2; 4];

/// A death at writing; contended: somebody else is at it.
pub struct Set;

struct Setting {
    value: Value<Big>,
    contended: bool,
}

impl Operation for Set {
    fn name(&self) -> &'static str {
        "value::set"
    }

    fn paths(&self) -> &'static [Path] {
        &[Path::Fast, Path::Contended, Path::Helping]
    }

    fn prepare(&self, path: Path) -> Box<dyn Scene> {
        Box::new(Setting { value: Value::new(OLD).expect("a segment"), contended: path == Path::Contended })
    }
}

impl Setting {
    fn attach(&self) -> Value<Big> {
        Value::attach(self.value.address()).expect("its maker lives")
    }
}

impl Scene for Setting {
    fn bystanders(&self) -> usize {
        usize::from(self.contended)
    }

    fn bystander(&self, _: usize, cue: &Cue) {
        self.attach().update(|value| {
            cue.ready();
            cue.wait();
            value
        });
    }

    fn victim(&self) {
        let value = self.attach();
        traced(|| value.set(NEW));
    }

    /// The old value or the new one, and the new one if the write was over; then it can be written again.
    fn check(&self, death: Death) -> Found {
        let value = self.attach();
        let got = value.get();
        assert!(got == NEW || (got == OLD && !death.complete), "{got:?}");
        value.set([3; 4]);
        assert_eq!(value.update(|[one, ..]| [one + 1; 4]), [4; 4]);
        Found::Whole
    }
}
