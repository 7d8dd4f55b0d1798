//! Names the shared library, and writes the C header to OUT_DIR (a test compares it with include/sales.h;
//! `make header` copies it).

use std::{env, fs, path::PathBuf};

fn main() {
    println!("cargo:rerun-if-changed=src");
    println!("cargo:rerun-if-changed=cbindgen.toml");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rustc-cdylib-link-arg=-Wl,-soname,libsales.so.0");
    // A Rust library that was unloaded leaves thread-local destructors behind (rust-lang/rust#91979).
    println!("cargo:rustc-cdylib-link-arg=-Wl,-z,nodelete");

    let root = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets it"));
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets it")).join("sales.h");
    let config = cbindgen::Config::from_file(root.join("cbindgen.toml")).expect("cbindgen.toml is readable");
    let mut builder = cbindgen::Builder::new().with_config(config);
    for source in [
        "status",
        "ffi/constants",
        "ffi/types",
        "ffi/library",
        "ffi/life",
        "ffi/ledger",
        "ffi/offers",
        "ffi/selling",
        "ffi/verify",
        "ffi/helpers",
    ] {
        builder = builder.with_src(root.join(format!("src/{source}.rs")));
    }
    let mut text = Vec::new();
    builder.generate().expect("the border has a header").write(&mut text);
    let text = finish(&String::from_utf8(text).expect("a header is text"));
    fs::write(&out, text).expect("OUT_DIR is writable");
    println!("cargo:rustc-env=SALES_GENERATED_HEADER={}", out.display());
}

/// What cbindgen leaves to do: brackets around negative numbers, a suffix on unsigned ones, comments filled to one width.
fn finish(header: &str) -> String {
    let mut out = String::with_capacity(header.len());
    let mut lines = header.lines().peekable();
    while let Some(line) = lines.next() {
        let indent = &line[..line.len() - line.trim_start().len()];
        if line.trim_start().starts_with("/*") && !line.contains("*/") {
            let mut paragraphs = vec![line.trim_start().trim_start_matches("/**").trim().to_string()];
            for line in lines.by_ref() {
                let (text, last) = match line.trim_start().strip_suffix("*/") {
                    Some(text) => (text, true),
                    None => (line.trim_start(), false),
                };
                let text = text.trim_start_matches('*').trim();
                // A new paragraph: an empty line, or a list of statuses.
                let list = text.starts_with("SALES_") && !paragraphs.last().is_some_and(|p| p.ends_with([',', 'd']));
                let joins = !text.is_empty() && !list && paragraphs.last().is_some_and(|p| !p.is_empty());
                let first = paragraphs.len() == 1 && paragraphs[0].is_empty();
                match paragraphs.last_mut() {
                    Some(paragraph) if joins => *paragraph = format!("{paragraph} {text}"),
                    Some(paragraph) if first => *paragraph = text.to_string(),
                    _ if text.is_empty() && last => {}
                    _ => paragraphs.push(text.to_string()),
                }
                if last {
                    break;
                }
            }
            comment(indent, &paragraphs, &mut out);
        } else {
            out.push_str(&finish_define(line).unwrap_or_else(|| line.to_string()));
            out.push('\n');
        }
    }
    out
}

const WIDTH: usize = 118;

fn comment(indent: &str, paragraphs: &[String], out: &mut String) {
    let opening = if paragraphs[0].starts_with("/*") { "" } else { "/** " };
    if let [one] = paragraphs {
        let line = format!("{indent}{opening}{one} */\n");
        if line.len() <= WIDTH {
            out.push_str(&line);
            return;
        }
    }
    let mut start = format!("{indent}{opening}");
    for paragraph in paragraphs {
        let mut line = std::mem::replace(&mut start, format!("{indent} * "));
        let mut empty = true;
        for word in paragraph.split_whitespace() {
            if !empty && line.len() + 1 + word.len() > WIDTH {
                out.push_str(&line);
                out.push('\n');
                line = start.clone();
                empty = true;
            }
            if !empty {
                line.push(' ');
            }
            line.push_str(word);
            empty = false;
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out.truncate(out.len() - 1);
    out.push_str(" */\n");
}

fn finish_define(line: &str) -> Option<String> {
    let (name, value) = line.strip_prefix("#define ")?.split_once(' ')?;
    if name.contains('(') || !name.starts_with("SALES_") {
        return None;
    }
    let status = name.starts_with("SALES_ERR_") || name.starts_with("SALES_HOST_");
    if value.starts_with('-') {
        return Some(format!("#define {name} ({value})"));
    }
    let signed =
        status || ["SALES_OK", "SALES_PENDING", "SALES_ALREADY", "SALES_REFUSED", "SALES_QUEUED"].contains(&name);
    (!signed && value.chars().all(|c| c.is_ascii_digit())).then(|| format!("#define {name} {value}u"))
}
