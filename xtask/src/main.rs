//! Heddle's commands. `main` dispatches, [`flags`] declares, and each task has a module of its own.

mod doctor;
mod flags;
mod measure;
mod outcome;
mod progress;
mod render;
mod report;
mod run_command;
mod serve;
mod site_folder;
mod test;
mod verify;
mod workspace;

use std::process::ExitCode;

use clap::{CommandFactory, Parser};
use flags::{Cli, Task};

fn main() -> ExitCode {
    let cli = Cli::parse();
    let Some(task) = cli.task else {
        // Printing the list is all there is to do; a closed pipe is the reader's choice.
        let _ = Cli::command().print_long_help();
        return ExitCode::SUCCESS;
    };
    let done = match task {
        Task::Report(flags) => report::run(&flags),
        Task::Measure(flags) => measure::run(&flags).map(|done| done.outcome),
        Task::Verify(flags) => verify::run(&flags),
        Task::Render(flags) => render::run(&flags),
        Task::Test(flags) => test::run(&flags),
        Task::Serve(flags) => serve::run(&flags),
        Task::Doctor(flags) => doctor::run(&flags),
    };
    outcome::exit_code(done)
}
