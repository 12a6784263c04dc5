use super::PerceptronTagger;
use super::dictionary::Dictionary;
use super::features::{NO_TAG, Sentence};
use super::hash::mix;
use super::keys::Keys;
use super::recase::recased;
use super::weights::{Entry, Weights};
use crate::Tag;

const N_TAGS: usize = Tag::ALL.len();

/// How a [`PerceptronTagger`] is trained. Every value is allowed; the defaults are those of the English tagger.
#[derive(Debug, Clone, PartialEq)]
pub struct TrainingOptions {
    /// How often each shuffle goes through the sentences; 5.
    pub epochs: usize,
    /// How many perceptrons are trained, each on shuffles of its own, and averaged; 4.
    pub shuffles: usize,
    /// The share of features that are hidden from the perceptron when it decides on a word in training; 0.2.
    pub dropout: f64,
    /// Whether each sentence is also learned in title case and in lower case; true.
    ///
    /// Running text teaches that a capital makes a name, which is wrong in titles. Half of what is learned stays as it
    /// stands: each sentence is there twice as it is, and once in either form.
    pub recased: bool,
    /// Features that come less often are left out, recased sentences counted; 5, which is more than one word of the text gives.
    pub min_count: usize,
    /// Words that come less often are not in the dictionary, each sentence counted once; 10.
    pub min_word_count: usize,
    /// Averaged weights that are smaller, in updates, are left out; 0.8.
    pub min_weight: f64,
    /// What the shuffles and the dropout depend on; 0.
    pub seed: u64,
}

impl Default for TrainingOptions {
    fn default() -> Self {
        Self {
            epochs: 5,
            shuffles: 4,
            dropout: 0.2,
            recased: true,
            min_count: 5,
            min_word_count: 10,
            min_weight: 0.8,
            seed: 0,
        }
    }
}

/// What [`PerceptronTagger::train`] reports after each epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrainingProgress {
    /// Which perceptron, from 0.
    pub shuffle: usize,
    /// Which epoch of it, from 0.
    pub epoch: usize,
    /// Words that were tagged in this epoch.
    pub n_words: usize,
    /// How many of them were right before the weights were moved.
    pub n_right: usize,
}

/// The sentences in the form that training reads again and again.
struct Corpus {
    sentences: Vec<Sentence>,
    tags: Vec<Vec<Tag>>,
    features: Keys,
    /// The features without tags, as places in `features`, word by word.
    fixed: Vec<u32>,
    /// Where each word's begin, and the end of the last.
    fixed_begins: Vec<usize>,
    /// The first word of each sentence.
    first_words: Vec<usize>,
}

/// One perceptron in training, and the sums of all.
struct Trainer {
    weights: Vec<[i32; N_TAGS]>,
    /// Weights summed over all decisions so far and to come: an update counts once for each decision it is there for.
    sums: Vec<[i64; N_TAGS]>,
    /// Decisions that this perceptron has yet to make.
    left: i64,
}

pub(super) fn train(
    options: &TrainingOptions,
    sentences: impl IntoIterator<Item = Vec<(String, Tag)>>,
    mut progress: impl FnMut(&TrainingProgress),
) -> PerceptronTagger {
    let sentences: Vec<_> = sentences.into_iter().filter(|sentence| !sentence.is_empty()).collect();
    let words = sentences.iter().flatten().map(|(word, tag)| (word.as_str(), *tag));
    let dictionary = Dictionary::count(words, options.min_word_count);
    let sentences = if options.recased { recased(&sentences) } else { sentences };
    let corpus = Corpus::new(&sentences, &dictionary, options.min_count);
    let n_words = corpus.fixed_begins.len() - 1;
    let n_decisions = (options.epochs * n_words) as i64;

    let n_features = corpus.features.as_slice().len();
    let mut trainer = Trainer { weights: Vec::new(), sums: vec![[0; N_TAGS]; n_features], left: 0 };
    for shuffle in 0..options.shuffles {
        trainer.weights.clear();
        trainer.weights.resize(n_features, [0; N_TAGS]);
        trainer.left = n_decisions;
        for epoch in 0..options.epochs {
            let seed = [options.seed, shuffle as u64, epoch as u64].into_iter().fold(0, |a, b| mix(a ^ b));
            let n_right = trainer.epoch(&corpus, options.dropout, seed);
            progress(&TrainingProgress { shuffle, epoch, n_words, n_right });
        }
    }
    let n_decisions = n_decisions as f64 * options.shuffles as f64;
    let averages = trainer.sums.iter().map(|sums| sums.map(|sum| sum as f64 / n_decisions));
    PerceptronTagger::new(dictionary, quantized(corpus.features.as_slice(), averages, options.min_weight))
}

impl Corpus {
    fn new(sentences: &[Vec<(String, Tag)>], dictionary: &Dictionary, min_count: usize) -> Self {
        let forms = |sentence: &Vec<(String, Tag)>| {
            Sentence::new(sentence.iter().map(|(word, _)| word.as_str()), dictionary)
        };
        let tags: Vec<Vec<Tag>> =
            sentences.iter().map(|sentence| sentence.iter().map(|(_, tag)| *tag).collect()).collect();
        let sentences: Vec<Sentence> = sentences.iter().map(forms).collect();

        let mut keys = Vec::new();
        for (sentence, tags) in sentences.iter().zip(&tags) {
            for index in 0..sentence.len() {
                sentence.fixed(index, |key| keys.push(key));
                sentence.history(index, before(tags, index), |key| keys.push(key));
            }
        }
        keys.sort_unstable();
        let frequent =
            keys.chunk_by(|a, b| a == b).filter(|same| same.len() >= min_count).map(|same| same[0]);
        let features = Keys::new(frequent.collect());

        let (mut fixed, mut fixed_begins, mut first_words) = (Vec::new(), vec![0], Vec::new());
        for sentence in &sentences {
            first_words.push(fixed_begins.len() - 1);
            for index in 0..sentence.len() {
                sentence.fixed(index, |key| fixed.extend(features.position(key).map(|place| place as u32)));
                fixed_begins.push(fixed.len());
            }
        }
        Self { sentences, tags, features, fixed, fixed_begins, first_words }
    }

    fn fixed(&self, sentence: usize, index: usize) -> &[u32] {
        let word = self.first_words[sentence] + index;
        &self.fixed[self.fixed_begins[word]..self.fixed_begins[word + 1]]
    }
}

impl Trainer {
    /// Goes through all sentences in an order of its own, and counts the words that it got right.
    fn epoch(&mut self, corpus: &Corpus, dropout: f64, seed: u64) -> usize {
        // A shuffle: the order of random numbers, one a sentence.
        let mut order: Vec<usize> = (0..corpus.sentences.len()).collect();
        order.sort_by_key(|&sentence| (mix(seed ^ sentence as u64), sentence));
        // The cast saturates: from 1 on, all is hidden.
        let hidden_below = (dropout * 2_f64.powi(64)) as u64;
        let mut random = seed;

        let (mut n_right, mut features, mut guesses) = (0, Vec::new(), Vec::new());
        for sentence in order {
            guesses.clear();
            for (index, &tag) in corpus.tags[sentence].iter().enumerate() {
                features.clear();
                features.extend_from_slice(corpus.fixed(sentence, index));
                corpus.sentences[sentence].history(index, before(&guesses, index), |key| {
                    features.extend(corpus.features.position(key).map(|place| place as u32));
                });
                features.retain(|_| {
                    random = random.wrapping_add(1);
                    mix(random) >= hidden_below
                });
                let guess = self.decide(&features, tag);
                n_right += usize::from(guess == tag);
                guesses.push(guess);
            }
        }
        n_right
    }

    /// Guesses, and moves weights from the best wrong tag to the right one unless that was ahead.
    fn decide(&mut self, features: &[u32], tag: Tag) -> Tag {
        self.left -= 1;
        let mut scores = [0; N_TAGS];
        for &feature in features {
            for (score, weight) in scores.iter_mut().zip(&self.weights[feature as usize]) {
                *score += weight;
            }
        }
        let right = tag as usize;
        let wrong = (1..N_TAGS).map(|step| (right + step) % N_TAGS).max_by_key(|&wrong| scores[wrong]);
        let Some(wrong) = wrong.filter(|&wrong| scores[wrong] >= scores[right]) else { return tag };
        for &feature in features {
            let feature = feature as usize;
            self.weights[feature][right] += 1;
            self.weights[feature][wrong] -= 1;
            self.sums[feature][right] += self.left;
            self.sums[feature][wrong] -= self.left;
        }
        Tag::ALL[wrong]
    }
}

/// The tags of the two words before `index`, the nearer one first.
pub(super) fn before(tags: &[Tag], index: usize) -> [u8; 2] {
    [1, 2].map(|back| index.checked_sub(back).map_or(NO_TAG, |index| tags[index] as u8))
}

/// Averages as multiples of one step, with the largest at [`Entry::MAX`]; only their ratios decide.
fn quantized(
    keys: &[u32],
    averages: impl Iterator<Item = [f64; N_TAGS]> + Clone,
    min_weight: f64,
) -> Weights {
    let largest = averages.clone().flatten().fold(0.0, |largest: f64, weight| largest.max(weight.abs()));
    let (mut kept, mut rows) = (Vec::new(), Vec::new());
    for (&key, averages) in keys.iter().zip(averages) {
        let entries = Tag::ALL.into_iter().zip(averages).filter_map(|(tag, average)| {
            let weight = (average / largest * f64::from(Entry::MAX)).round() as i16;
            (average.abs() >= min_weight && weight != 0).then(|| Entry::new(tag, weight))
        });
        let entries: Vec<Entry> = entries.collect();
        if !entries.is_empty() {
            kept.push(key);
            rows.push(entries);
        }
    }
    Weights::new(Keys::new(kept), rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_those_of_the_weights_at_every_decision() {
        let n_decisions = 200;
        let mut trainer =
            Trainer { weights: vec![[0; N_TAGS]; 6], sums: vec![[0; N_TAGS]; 6], left: n_decisions };
        let mut naive = vec![[0; N_TAGS]; 6];
        for step in 0..n_decisions as u64 {
            for (sums, weights) in naive.iter_mut().zip(&trainer.weights) {
                for (sum, weight) in sums.iter_mut().zip(weights) {
                    *sum += i64::from(*weight);
                }
            }
            let random = mix(step);
            let features: Vec<u32> = (0..6).filter(|feature| random >> feature & 1 == 1).collect();
            trainer.decide(&features, Tag::ALL[(random >> 8) as usize % N_TAGS]);
        }
        assert_eq!(trainer.left, 0);
        assert_eq!(trainer.sums, naive);
        assert!(naive.iter().flatten().any(|sum| sum.abs() > 100));
    }

    #[test]
    fn quantized_weights_keep_their_ratios() {
        let mut averages = [[0.0; N_TAGS]; 3];
        averages[0][1] = -20.0;
        averages[0][2] = 10.0;
        averages[1][3] = 0.69;
        averages[2][4] = 0.71;
        let weights = quantized(&[5, 6, 7], averages.into_iter(), 0.7);
        let row = |key| {
            let mut scores = [0; 32];
            weights.add(key, &mut scores);
            scores[..5].to_vec()
        };
        assert_eq!([row(5), row(6), row(7)], [[0, -511, 256, 0, 0], [0; 5], [0, 0, 0, 0, 18]]);
        assert_eq!(quantized(&[5], [[0.0; N_TAGS]].into_iter(), 0.0).features().len(), 0);
    }
}
