//! The short version of `deploy/chaos` that every change must pass: few kills, few cancellations, one stop after the other, of one
//! seed; and one of its bugs, so that it is seen to be able to fail.

use std::process::{Command, Stdio};

/// Runs the faults and answers whether all of them hold, with what was said.
fn chaos(arguments: &[&str]) -> std::io::Result<(bool, String)> {
    let output = Command::new(env!("CARGO_BIN_EXE_tuntas-chaos"))
        .args(["--seed", "1"])
        .args(arguments)
        .stdin(Stdio::null())
        .output()?;
    Ok((
        output.status.success(),
        String::from_utf8_lossy(&output.stderr).into_owned(),
    ))
}

#[test]
fn what_was_acknowledged_survives_kills_cancelled_calls_and_stops() -> std::io::Result<()> {
    let (holds, said) = chaos(&["--only", "R1,R5,R10", "--kills", "2", "--cancellations", "2000"])?;
    assert!(holds, "{said}");
    for fault in ["R1", "R5", "R10"] {
        assert!(
            said.contains(&format!("{fault} holds")),
            "{fault} was not tried:\n{said}"
        );
    }
    Ok(())
}

#[test]
fn a_transaction_that_is_left_open_is_found() -> std::io::Result<()> {
    let (holds, said) = chaos(&["--only", "R5", "--cancellations", "500", "--bug", "hold"])?;
    assert!(!holds, "it was not found:\n{said}");
    assert!(said.contains("idle in a transaction"), "{said}");
    Ok(())
}
