//! Agreement with a real ECMAScript engine: Node must be on the path, as it is for the whole project.
#![allow(clippy::unwrap_used, missing_docs)]

mod common;

use common::{ODD_DOUBLES, doubles, strings};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::io::Write;
use std::process::{Command, Stdio};
use tisync_json::{Number, Value};

/// Runs `script` in Node with `input` on its standard input, and answers the lines it prints.
fn node(script: &str, input: &str) -> Vec<String> {
    let mut child = Command::new("node")
        .args(["-e", script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("this test needs `node` on the path");
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A test may have a thread of its own; the crate may not.
    #[allow(clippy::disallowed_methods)]
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).collect()
}

fn samples<T: std::fmt::Debug>(count: usize, strategy: impl Strategy<Value = T>) -> Vec<T> {
    let mut runner = TestRunner::deterministic();
    let mut sample = || strategy.new_tree(&mut runner).unwrap().current();
    (0..count).map(|_| sample()).collect()
}

#[test]
fn doubles_print_as_node_prints_them_and_node_reads_them_back() {
    let mut all = ODD_DOUBLES.to_vec();
    all.extend(samples(5000, doubles()));
    let lines: String = all
        .iter()
        .map(|double| {
            let printed = Number::try_from(*double).unwrap().to_string();
            format!("{:016x} {printed}\n", double.to_bits())
        })
        .collect();
    let answers = node(
        r#"
        const view = new DataView(new ArrayBuffer(8));
        for (const line of require("fs").readFileSync(0, "utf8").trim().split("\n")) {
            const [bits, printed] = line.split(" ");
            view.setBigUint64(0, BigInt("0x" + bits));
            const double = view.getFloat64(0);
            const back = JSON.parse(printed);
            // Where an integer's print would be another integer, all its digits are meant.
            const digits = Number.isInteger(double) && Math.abs(double) < 1e21;
            const form = digits ? BigInt(double).toString() : JSON.stringify(double);
            console.log(back === double ? form : "read back as " + back);
        }
        "#,
        &lines,
    );
    assert_eq!(answers.len(), all.len());
    for (double, answer) in all.iter().zip(answers) {
        let number = Number::try_from(*double).unwrap();
        assert_eq!(number.to_string(), answer, "{double:e}");
        assert_eq!(Value::from(number).canonical(), answer, "{double:e}");
    }
}

#[test]
fn strings_print_as_node_prints_them() {
    let all: Vec<Value> = samples(2000, strings())
        .into_iter()
        .map(Value::from)
        .collect();
    let lines: String = all.iter().map(|value| format!("{value}\n")).collect();
    let answers = node(
        r#"
        for (const line of require("fs").readFileSync(0, "utf8").trim().split("\n"))
            console.log(JSON.stringify(JSON.parse(line)));
        "#,
        &lines,
    );
    let printed: Vec<String> = all.iter().map(Value::to_string).collect();
    assert_eq!(printed, answers);
}
