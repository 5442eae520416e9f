//! Processes killed between any two instructions of an operation, and survivors that look at what is left; see `suite`.

#[cfg(all(target_arch = "x86_64", not(any(heddle_loom, heddle_shuttle, heddle_mutants, miri))))]
mod suite;

#[cfg(all(target_arch = "x86_64", not(any(heddle_loom, heddle_shuttle, heddle_mutants, miri))))]
fn main() -> std::process::ExitCode {
    suite::run::main()
}

#[cfg(not(all(target_arch = "x86_64", not(any(heddle_loom, heddle_shuttle, heddle_mutants, miri)))))]
fn main() {
    println!("not run: only x86-64 is stepped through, and only native builds are");
}
