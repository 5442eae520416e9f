//! What became of the processes that were killed, for people at a terminal.

use heddle_report::records::{CheckResult, Verification};

/// A line for each path of each operation, with its instructions, kills, recoveries and failures; nothing if nobody was killed.
pub fn lines(records: &[Verification]) -> Vec<String> {
    let rows: Vec<[String; 6]> = records.iter().filter_map(row).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let head = ["killed in", "instructions", "kills", "recoveries", "slowest", "failures"].map(String::from);
    let width =
        |n: usize| rows.iter().chain([&head]).map(|row| row[n].chars().count()).max().unwrap_or_default();
    let widths: [usize; 6] = std::array::from_fn(width);
    let line = |row: &[String; 6]| {
        let numbers: Vec<String> = (1..5).map(|n| format!("{:>1$}", row[n], widths[n])).collect();
        format!("{:<width$} {}  {}", row[0], numbers.join(" "), row[5], width = widths[0])
    };
    std::iter::once(&head).chain(&rows).map(line).collect()
}

fn row(record: &Verification) -> Option<[String; 6]> {
    let kills = record.kills.as_ref()?;
    let found = record.planted && record.result == CheckResult::Fail;
    let failures = if found { format!("{}, as planted", kills.failures) } else { kills.failures.to_string() };
    Some([
        format!("{}: {}", record.subject, record.scenario),
        kills.instructions.to_string(),
        record.executions.to_string(),
        kills.recoveries.to_string(),
        format!("{:.1} ms", kills.slowest * 1e3),
        failures,
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::verify::harvest::blank;
    use crate::verify::suite::Checker;
    use heddle_report::records::Kills;

    #[test]
    fn each_path_has_a_line() {
        let kills = Kills {
            path: "fast".into(),
            instructions: 44,
            asleep: 0,
            recoveries: 25,
            failures: 0,
            slowest: 0.0012,
        };
        let record = Verification {
            executions: 45,
            kills: Some(kills.clone()),
            ..blank(Checker::Crash, "ipc mutex", "lock, fast")
        };
        let planted = Verification {
            planted: true,
            result: CheckResult::Fail,
            kills: Some(Kills { failures: 3, ..kills }),
            ..blank(Checker::Crash, "ipc planted", "vyukov push, fast")
        };
        let lines = lines(&[record, planted, blank(Checker::Loom, "mutex", "two lock")]);
        let words: Vec<Vec<&str>> = lines.iter().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(words[1], ["ipc", "mutex:", "lock,", "fast", "44", "45", "25", "1.2", "ms", "0"]);
        assert_eq!(words[2][5..], ["44", "0", "25", "1.2", "ms", "3,", "as", "planted"]);
        assert_eq!(super::lines(&[]), Vec::<String>::new());
    }
}
