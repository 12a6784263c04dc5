use std::error::Error as StdError;
use std::io::{self, BufWriter, Write};
use std::iter::successors;
use std::process::ExitCode;

use unicode_width::UnicodeWidthStr;

/// Any error: an example only shows them.
pub type Error = Box<dyn StdError + Send + Sync>;

/// Runs an example that prints to standard output.
///
/// What was printed before an error stays. The error goes to standard error as one line with its causes, and the exit code
/// is 1. A reader that stops reading, as `head` does, is no error.
pub fn run(example: impl FnOnce(&mut dyn Write) -> Result<(), Error>) -> ExitCode {
    let mut out = BufWriter::new(io::stdout().lock());
    let result = example(&mut out);
    match result.and(out.flush().map_err(Error::from)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_broken_pipe(error.as_ref()) => ExitCode::SUCCESS,
        Err(error) => {
            // Unlike `eprintln!` this does not panic where standard error is closed.
            let _ = writeln!(io::stderr(), "error: {}", with_causes(error.as_ref()));
            ExitCode::FAILURE
        }
    }
}

/// Checks a statement that an example makes about its own output.
///
/// ```
/// assert!(rec_examples::claim(1 + 1 == 2, "sums are right").is_ok());
/// let error = rec_examples::claim(1 + 1 == 3, "sums are odd").unwrap_err();
/// assert_eq!(error.to_string(), "with this model it is not true that sums are odd");
/// ```
///
/// # Errors
///
/// The statement is false. The models of the examples can make it so, and the person who brings a model should read why.
pub fn claim(holds: bool, statement: &str) -> Result<(), Error> {
    match holds {
        true => Ok(()),
        false => Err(format!("with this model it is not true that {statement}").into()),
    }
}

/// A text cut or padded to `width` columns of a terminal, for a column of a table; most Chinese characters take two.
///
/// ```
/// assert_eq!(rec_examples::fit("Dune", 6), "Dune  ");
/// assert_eq!(rec_examples::fit("Foundation", 6), "Found…");
/// assert_eq!(rec_examples::fit("手工紫砂壶", 6), "手工… ");
/// ```
#[must_use]
pub fn fit(text: &str, width: usize) -> String {
    let mut fitted = text.to_owned();
    if text.width() > width {
        while fitted.width() + 1 > width && fitted.pop().is_some() {}
        fitted.push('…');
    }
    fitted.extend(std::iter::repeat_n(' ', width.saturating_sub(fitted.width())));
    fitted
}

fn causes<'a>(error: &'a (dyn StdError + 'static)) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    successors(Some(error), |&error| error.source())
}

fn is_broken_pipe(error: &(dyn StdError + 'static)) -> bool {
    let kind = |error: &(dyn StdError + 'static)| error.downcast_ref::<io::Error>().map(io::Error::kind);
    causes(error).any(|error| kind(error) == Some(io::ErrorKind::BrokenPipe))
}

/// The message and those causes that it does not quote already.
fn with_causes(error: &(dyn StdError + 'static)) -> String {
    let mut message = error.to_string();
    for cause in causes(error).skip(1).map(ToString::to_string) {
        if !message.contains(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    message
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_named_once() {
        let missing = rec_data::atomic::read_catalogue("no/such.item").unwrap_err();
        let message = with_causes(&missing);
        assert!(message.starts_with("no/such.item: cannot open the file: "), "{message}");
        assert_eq!(message.matches("cannot open").count(), 1);
    }

    #[test]
    fn a_broken_pipe_is_not_any_error() {
        assert!(is_broken_pipe(&io::Error::from(io::ErrorKind::BrokenPipe)));
        assert!(!is_broken_pipe(&io::Error::other("full")));
    }
}
