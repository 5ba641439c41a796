//! Any text as a command in JSON. What the check lets through is written and read again as the same.
#![no_main]

use libfuzzer_sys::fuzz_target;
use transom_protocol::csp::Instruction;
use transom_protocol::csp::check::check;

fuzz_target!(|json: &str| {
    let Ok(instruction) = serde_json::from_str::<Instruction>(json) else { return };
    match check(&instruction, 64 * 1024) {
        Ok(()) => {
            let written = serde_json::to_string(&instruction).expect("an instruction can be written");
            assert_eq!(serde_json::from_str::<Instruction>(&written).ok(), Some(instruction));
        }
        Err(problems) => assert!(problems.iter().all(|problem| !problem.at.is_empty() && !problem.what.is_empty())),
    }
});
