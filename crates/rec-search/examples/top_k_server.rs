//! You will see how long searches take and how much they find, one line of JSON for each line of commands on standard input.
//! `benches/peers/topk.py` writes the vectors and asks, in turn with its peers.
//!
//!     cargo run --release -p rec-search --features hnsw --example top_k_server -- ROWS QUERIES DIM THREADS
//!
//! ROWS and QUERIES are files of little-endian `f32`. Commands, each answered with seconds of wall clock and of all threads:
//!
//!     read                            all rows, summed: the bandwidth of the memory
//!     exact BATCH K TIMES             the next BATCH queries together, and this so many times
//!     half | int8 | sign BATCH N K TIMES    the same with K exact ones of N candidates
//!     recall CODES N K                over all queries
//!     truth ROWS K FILE               the exact row numbers of all queries among the first rows, as little-endian `u32`
//!     build ROWS M EF SEED            the graph of the first rows
//!     hnsw EF K ONE_IN                all queries, one after the other, with one row in ONE_IN allowed

use std::collections::HashSet;
use std::error::Error;
use std::io::{BufRead, Write};
use std::time::Instant;

use rayon::prelude::*;
use rec_search::{Found, HalfRows, Hnsw, HnswConfig, Int8Rows, RowSet, SignCodes, Vectors, rescore, top_k};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Queries whose recall is measured.
const MEASURED: usize = 200;

fn main() -> Outcome<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [rows, queries, dim, threads] = arguments.as_slice() else {
        return Err("expected ROWS QUERIES DIM THREADS".into());
    };
    let (rows, queries, dim) = (read_vectors(rows)?, read_vectors(queries)?, dim.parse()?);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads.parse()?).build()?;
    pool.install(|| serve(Vectors::new(&rows, dim), Vectors::new(&queries, dim)))
}

fn read_vectors(path: &str) -> Outcome<Vec<f32>> {
    let mut file = std::fs::File::open(path)?;
    let mut values = vec![0.0f32; usize::try_from(file.metadata()?.len())? / 4];
    std::io::Read::read_exact(&mut file, bytemuck::cast_slice_mut(&mut values))?;
    Ok(values)
}

fn serve(rows: Vectors<'_>, queries: Vectors<'_>) -> Outcome<()> {
    let mut server =
        Server { rows, queries, next: 0, half: None, int8: None, sign: None, hnsw: None, truth: Vec::new() };
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        let answer = server.answer(&words)?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{{{answer}}}")?;
        out.flush()?;
    }
    Ok(())
}

struct Server<'a> {
    rows: Vectors<'a>,
    queries: Vectors<'a>,
    next: usize,
    half: Option<HalfRows>,
    int8: Option<Int8Rows>,
    sign: Option<SignCodes>,
    hnsw: Option<Hnsw<'a>>,
    /// The exact best of the measured queries among all rows.
    truth: Vec<Vec<Found>>,
}

impl<'a> Server<'a> {
    fn answer(&mut self, words: &[&str]) -> Outcome<String> {
        let numbers: Vec<usize> = words.iter().filter_map(|word| word.parse().ok()).collect();
        match (words[0], numbers.as_slice()) {
            ("read", []) => {
                let rows = self.rows;
                let (_, took) = timed(|| Ok(read(rows)))?;
                Ok(format!("{took}, \"bytes\": {}", rows.len() * rows.dim() * 4))
            }
            ("exact", &[batch, k, times]) => {
                let work = || {
                    (0..times).try_for_each(|_| {
                        top_k(self.batch(batch), self.rows, k, |_| true)?;
                        Ok(())
                    })
                };
                Ok(timed(work)?.1)
            }
            (codes @ ("half" | "int8" | "sign"), &[batch, n, k, times]) => {
                let bytes = self.encode(codes)?;
                let work = || {
                    (0..times).try_for_each(|_| {
                        let queries = self.batch(batch);
                        self.compressed(codes, queries, n, k)?;
                        Ok(())
                    })
                };
                let took = timed(work)?.1;
                Ok(format!("{took}, \"bytes\": {bytes}"))
            }
            ("recall", &[n, k]) => {
                self.encode(words[1])?;
                let queries = self.queries.range(0..MEASURED);
                if self.truth.is_empty() {
                    self.truth = top_k(queries, self.rows, 100, |_| true)?;
                }
                let lists = self.compressed(words[1], queries, n, k)?;
                Ok(format!("\"recall\": {}", recall(&lists, &self.truth, k)))
            }
            ("truth", &[n, k]) => {
                let lists = top_k(self.queries, self.rows.range(0..n), k, |_| true)?;
                let ids: Vec<u32> = lists.iter().flatten().map(|found| found.row as u32).collect();
                std::fs::write(words[3], bytemuck::cast_slice::<u32, u8>(&ids))?;
                Ok(String::from("\"done\": true"))
            }
            ("build", &[n, m, ef_construction, seed]) => {
                let (rows, seed) = (self.rows.range(0..n), seed as u64);
                let (index, took) = timed(|| Ok(Hnsw::new(rows, &HnswConfig { m, ef_construction, seed })?))?;
                let bytes = index.bytes();
                self.hnsw = Some(index);
                Ok(format!("{took}, \"bytes\": {bytes}"))
            }
            ("hnsw", &[ef, k, one_in]) => {
                let index = self.hnsw.as_ref().ok_or("no graph has been built")?;
                let allowed = RowSet::new(index.len(), (0..index.len()).step_by(one_in));
                let set = (one_in > 1).then_some(&allowed);
                let (lists, took) = timed(|| {
                    let each = self.queries.iter().map(|query| index.top_k(query, k, ef, set));
                    Ok(each.collect::<Result<Vec<_>, _>>()?)
                })?;
                let truth =
                    top_k(self.queries, self.rows.range(0..index.len()), k, |row| allowed.contains(row))?;
                Ok(format!("{took}, \"recall\": {}", recall(&lists, &truth, k)))
            }
            _ => Err(format!("no command `{}`", words.join(" ")).into()),
        }
    }

    /// The next queries, from the start again after the last.
    fn batch(&mut self, n: usize) -> Vectors<'a> {
        if self.next + n > self.queries.len() {
            self.next = 0;
        }
        self.next += n;
        self.queries.range(self.next - n..self.next)
    }

    /// Compresses the rows if they are not yet; gives the bytes that they take.
    fn encode(&mut self, codes: &str) -> Outcome<usize> {
        Ok(match codes {
            "half" => match &mut self.half {
                Some(rows) => rows.bytes(),
                none => none.insert(HalfRows::new(self.rows)?).bytes(),
            },
            "int8" => match &mut self.int8 {
                Some(rows) => rows.bytes(),
                none => none.insert(Int8Rows::new(self.rows)?).bytes(),
            },
            _ => match &mut self.sign {
                Some(rows) => rows.bytes(),
                none => none.insert(SignCodes::new(self.rows)?).bytes(),
            },
        })
    }

    fn compressed(&self, codes: &str, queries: Vectors<'_>, n: usize, k: usize) -> Outcome<Vec<Vec<Found>>> {
        let numbers = |lists: Vec<Vec<Found>>| -> Vec<Vec<usize>> {
            lists.iter().map(|list| list.iter().map(|found| found.row).collect()).collect()
        };
        let candidates: Vec<Vec<usize>> = match (codes, &self.half, &self.int8, &self.sign) {
            ("half", Some(rows), _, _) => numbers(rows.candidates(queries, n, |_| true)?),
            ("int8", _, Some(rows), _) => numbers(rows.candidates(queries, n, |_| true)?),
            ("sign", _, _, Some(rows)) => {
                queries.iter().map(|query| rows.candidates(query, n, |_| true)).collect::<Result<_, _>>()?
            }
            _ => return Err("the rows are not compressed".into()),
        };
        let lists = queries.iter().zip(candidates).map(|(query, rows)| rescore(query, self.rows, rows, k));
        Ok(lists.collect::<Result<_, _>>()?)
    }
}

/// The mean share of the true best `k` that is found.
fn recall(lists: &[Vec<Found>], truth: &[Vec<Found>], k: usize) -> f64 {
    let shares = lists.iter().zip(truth).map(|(list, truth)| {
        let truth: HashSet<usize> = truth.iter().take(k).map(|found| found.row).collect();
        list.iter().take(k).filter(|found| truth.contains(&found.row)).count() as f64
            / truth.len().max(1) as f64
    });
    shares.sum::<f64>() / lists.len().max(1) as f64
}

/// The sum of all values, added in 64 lanes.
fn read(rows: Vectors<'_>) -> f32 {
    let blocks: Vec<usize> = (0..rows.len()).step_by(256).collect();
    let sums = blocks.par_iter().map(|&start| {
        let mut lanes = [0.0f32; 64];
        for row in rows.range(start..rows.len().min(start + 256)).iter() {
            for chunk in row.as_chunks::<64>().0 {
                for (lane, value) in lanes.iter_mut().zip(chunk) {
                    *lane += value;
                }
            }
        }
        lanes.iter().sum::<f32>()
    });
    std::hint::black_box(sums.sum())
}

/// What some work gives, and the seconds that it takes, as JSON fields.
fn timed<T>(work: impl FnOnce() -> Outcome<T>) -> Outcome<(T, String)> {
    let (cpu, clock) = (cpu_seconds()?, Instant::now());
    let result = work()?;
    let (wall, cpu) = (clock.elapsed().as_secs_f64(), cpu_seconds()? - cpu);
    Ok((result, format!("\"wall\": {wall}, \"cpu\": {cpu}")))
}

/// The time that all threads have been running, as Linux has it.
fn cpu_seconds() -> Outcome<f64> {
    let mut nanoseconds = 0.0;
    for task in std::fs::read_dir("/proc/self/task")? {
        let text = std::fs::read_to_string(task?.path().join("schedstat"))?;
        nanoseconds += text.split(' ').next().unwrap_or_default().parse::<f64>()?;
    }
    Ok(nanoseconds / 1e9)
}
