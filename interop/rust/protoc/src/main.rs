//! As much of `protoc` as build scripts ask for, in pure Rust.
//!
//! etcd-client's build script wants a `protoc`. The variable `PROTOC` names this
//! program instead, so that nobody has to install one.

use protox::Compiler;
use std::path::PathBuf;
use std::process::ExitCode;

/// What `prost-build` passes.
#[derive(Default)]
struct Words {
    includes: Vec<PathBuf>,
    files: Vec<PathBuf>,
    out: Option<PathBuf>,
}

fn main() -> ExitCode {
    match parse(std::env::args().skip(1)).and_then(compile) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn parse(mut args: impl Iterator<Item = String>) -> Result<Words, String> {
    let mut words = Words::default();
    while let Some(word) = args.next() {
        let mut value = || args.next().map(PathBuf::from).ok_or(format!("{word} needs a value"));
        match word.as_str() {
            "-I" => words.includes.push(value()?),
            "-o" => words.out = Some(value()?),
            // Both are always on; a set without them would only be smaller.
            "--include_imports" | "--include_source_info" => (),
            flag if flag.starts_with('-') => return Err(format!("unknown flag {flag}")),
            file => words.files.push(PathBuf::from(file)),
        }
    }
    Ok(words)
}

fn compile(words: Words) -> Result<(), String> {
    let out = words.out.ok_or("-o says where to write")?;
    let mut compiler = Compiler::new(&words.includes).map_err(|why| why.to_string())?;
    compiler.include_imports(true).include_source_info(true);
    compiler.open_files(&words.files).map_err(|why| why.to_string())?;
    let set = compiler.encode_file_descriptor_set();
    std::fs::write(&out, set).map_err(|why| format!("{}: {why}", out.display()))
}
