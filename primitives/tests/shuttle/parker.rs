//! Parker.

use crate::*;

#[test]
fn passes_tokens() {
    check("parker of 4", || parker_hears_everybody(4));
    check("parker time-out", parker_times_out_or_passes);
    check_all("parker", 116, parker_passes_a_message);
}
