//! `Template` on any source: no panic, a round trip through its source, and escaping that makes any text literal.

#![no_main]

use libfuzzer_sys::fuzz_target;
use rec_text::Template;

fuzz_target!(|source: &str| {
    match Template::parse(source) {
        Ok(template) => {
            assert_eq!(template.to_string(), source);
            assert!(
                template.fields().all(|field| !field.is_empty() && !field.contains(['{', '}', '[', ']']))
            );
            let full = template.render_with(|field| Some(field.to_owned()));
            let empty = template.render_with(|_| None::<&str>);
            assert!(empty.len() <= full.len());
            assert!(template.fields().all(|field| full.contains(field)));
        }
        Err(error) => assert!(error.to_string().starts_with("template "), "{error}"),
    }

    let mut escaped = String::with_capacity(source.len());
    for c in source.chars() {
        escaped.push(c);
        if matches!(c, '{' | '}' | '[' | ']') {
            escaped.push(c);
        }
    }
    let literal = Template::parse(&escaped).expect("escaped text is a template");
    assert_eq!(literal.render_with(|_| None::<&str>), source);
});
