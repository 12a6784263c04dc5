//! Lines in, vectors out.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, BufWriter, Read, Seek, Write};
use std::path::{Path, PathBuf};

use indicatif::ProgressBar;
use npyz::WriterBuilder;
use rec_encoder::{Progress, TextEncoder};
use rec_text::Cleaner;

use crate::Error;

/// Encodes a text a line and hands every text, as it was encoded, with its vector to `write`, in order.
///
/// One line of input is one call, empty lines included. Only the line end, `\n` or `\r\n`, is taken off. Texts are read and
/// encoded in chunks, so memory does not grow with the input.
///
/// # Errors
///
/// The input cannot be read or a line is not UTF-8 (the error has its number, and the lines before it have been written),
/// a text cannot be encoded, or `write` fails.
pub fn encode_lines(
    input: impl BufRead,
    encoder: &TextEncoder,
    cleaner: &Cleaner,
    progress: &ProgressBar,
    mut write: impl FnMut(&str, &[f32]) -> Result<(), Error>,
) -> Result<Progress, Error> {
    // The encoder takes texts chunk by chunk and gives vectors only: what it took waits here for its vector.
    let waiting = RefCell::new(VecDeque::new());
    let failure = Cell::new(None);
    let texts = lines(input).map_while(|line| match line {
        Ok(line) => {
            let text = cleaner.clean(&line).into_owned();
            waiting.borrow_mut().push_back(text.clone());
            Some(text)
        }
        Err(error) => {
            failure.set(Some(error));
            None
        }
    });
    let mut done = Progress::default();
    for chunk in encoder.stream(texts.fuse()) {
        let chunk = chunk?;
        for vector in chunk.rows() {
            let text =
                waiting.borrow_mut().pop_front().ok_or("the encoder gave more vectors than it took texts")?;
            write(&text, vector)?;
        }
        done.n_texts += chunk.len();
        done.n_tokens += chunk.n_tokens();
        done.n_truncated_texts += chunk.n_truncated_texts();
        progress.set_position(done.n_texts as u64);
    }
    failure.take().map_or(Ok(done), Err)
}

/// The lines of a text without their ends, or the number of the first bad one.
fn lines(mut input: impl BufRead) -> impl Iterator<Item = Result<String, Error>> {
    (1..).map_while(move |number: u64| {
        let mut line = Vec::new();
        match input.read_until(b'\n', &mut line) {
            Ok(0) => return None,
            Ok(_) => {}
            Err(error) => return Some(Err(format!("cannot read line {number}: {error}").into())),
        }
        if line.pop_if(|byte| *byte == b'\n').is_some() {
            line.pop_if(|byte| *byte == b'\r');
        }
        Some(String::from_utf8(line).map_err(|error| {
            let at = error.utf8_error().valid_up_to() + 1;
            format!("line {number} is not valid UTF-8 at byte {at}").into()
        }))
    })
}

/// Writes `{"text":"...","vector":[...]}` and a line end. Numbers are the shortest that read back as the same `f32`.
///
/// # Errors
///
/// The writer fails.
pub fn write_json(out: &mut dyn Write, text: &str, vector: &[f32]) -> io::Result<()> {
    out.write_all(b"{\"text\":")?;
    serde_json::to_writer(&mut *out, text)?;
    out.write_all(b",\"vector\":")?;
    serde_json::to_writer(&mut *out, vector)?;
    out.write_all(b"}\n")
}

/// A NumPy file of `f32` vectors, `[n, dim]` in C order, that appears when it is complete.
///
/// The header of such a file tells `n`, which a stream does not know in advance. So the values go into a nameless file first,
/// and [`finish`](Self::finish) copies them behind the header, into `FILE.partial`, and renames that.
#[derive(Debug)]
pub struct NpyFile {
    path: PathBuf,
    values: BufWriter<File>,
    n: u64,
    dim: usize,
}

impl NpyFile {
    /// Starts a file.
    ///
    /// # Errors
    ///
    /// The folder cannot be written into.
    pub fn create(path: &Path, dim: usize) -> Result<Self, Error> {
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        let values = tempfile::tempfile_in(folder)
            .map_err(|error| format!("{}: cannot write into this folder: {error}", folder.display()))?;
        Ok(Self { path: path.to_owned(), values: BufWriter::new(values), n: 0, dim })
    }

    /// Adds a vector.
    ///
    /// # Errors
    ///
    /// The disk is full.
    ///
    /// # Panics
    ///
    /// The vector has not `dim` values.
    pub fn push(&mut self, vector: &[f32]) -> io::Result<()> {
        assert_eq!(vector.len(), self.dim, "a vector [{}] in a file of [n, {}]", vector.len(), self.dim);
        self.n += 1;
        vector.iter().try_for_each(|value| self.values.write_all(&value.to_le_bytes()))
    }

    /// Puts the file in place.
    ///
    /// # Errors
    ///
    /// It cannot be written.
    pub fn finish(self) -> Result<(), Error> {
        let Self { path, values, n, dim } = self;
        let mut partial = path.clone().into_os_string();
        partial.push(".partial");
        let write = || -> io::Result<()> {
            let mut values = values.into_inner().map_err(io::IntoInnerError::into_error)?;
            values.rewind()?;
            let mut values = BufReader::new(values);
            let mut file = BufWriter::new(File::create(&partial)?);
            let mut npy = npyz::WriteOptions::new()
                .default_dtype()
                .shape(&[n, dim as u64])
                .writer(&mut file)
                .begin_nd()?;
            let mut value = [0; 4];
            for _ in 0..n * dim as u64 {
                values.read_exact(&mut value)?;
                npy.push(&f32::from_le_bytes(value))?;
            }
            npy.finish()?;
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()?;
            fs::rename(&partial, &path)
        };
        write().map_err(|error| format!("{}: cannot write: {error}", path.display()).into())
    }
}
