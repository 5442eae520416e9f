//! Several processes with names: each prints through its own standard output and returns a result; one has children itself, and one is
//! ended.
//!
//! `cargo run -p heddle-ipc --example processes`

use std::io::Read;
use std::time::Duration;

use heddle_ipc::Exit;
use heddle_ipc::process::{
    JoinError, Process, StartMethod, Stream, active_children, current_process, parent_process,
};

fn shout(word: String) -> usize {
    let (me, parent) = (current_process(), parent_process().expect("a child has one"));
    println!("{}, child of {}: {}!", me.name(), parent.name(), word.to_uppercase());
    word.len()
}

fn delegate(words: Vec<String>) -> usize {
    let clerk = Process::builder().name(format!("{}'s clerk", current_process().name()));
    let clerks: Vec<_> = words.into_iter().map(|word| clerk.spawn(shout, word).expect("a process")).collect();
    clerks.into_iter().map(|clerk| clerk.join().expect("a result")).sum()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let piped = Process::builder().stdout(Stream::Piped).start_method(StartMethod::Zygote);
    let mut processes = Vec::new();
    for (name, word) in [("Ada", "warp"), ("Blaise", "weft"), ("Charles", "shuttle")] {
        processes.push(piped.clone().name(name).spawn(shout, word.to_owned())?);
    }
    println!("{} are at work", active_children().len());
    let mut letters = 0;
    for mut process in processes {
        let mut said = String::new();
        process.take_stdout().expect("it is piped").read_to_string(&mut said)?;
        let name = process.name().to_owned();
        let result = process.join()?;
        print!("{said}");
        assert_eq!(said.split(',').next(), Some(&*name));
        assert!(said.contains("child of MainProcess: ") && said.ends_with("!\n"), "{said}");
        letters += result;
    }
    println!("{letters} letters");
    assert_eq!(letters, 15);

    let mut manager = piped.name("Grace").spawn(delegate, vec!["beam".to_owned(), "reed".to_owned()])?;
    let mut said = String::new();
    manager.take_stdout().expect("it is piped").read_to_string(&mut said)?;
    print!("{said}");
    assert_eq!(said.matches("Grace's clerk, child of Grace: ").count(), 2);
    assert_eq!(manager.join()?, 8);

    let sleeper =
        Process::builder().name("Rip").daemon(true).spawn(std::thread::sleep, Duration::from_secs(3600))?;
    sleeper.terminate()?;
    let error = sleeper.join().expect_err("it did not sleep that long");
    println!("{error}");
    assert!(matches!(error, JoinError::Ended { exit: Exit::Signal(libc::SIGTERM), .. }));
    assert!(active_children().is_empty());
    Ok(())
}
