use crate::Tag;

type Sentence = Vec<(String, Tag)>;

/// Each sentence as it stands, twice, and in title case and in lower case.
pub(super) fn recased(sentences: &[Sentence]) -> Vec<Sentence> {
    let copies = sentences
        .iter()
        .flat_map(|sentence| [sentence.clone(), sentence.clone(), title(sentence), lower(sentence)]);
    copies.collect()
}

/// A capital at the beginning of every word but articles, conjunctions, prepositions and particles, unless they come first.
fn title(sentence: &Sentence) -> Sentence {
    let capitalised = |(index, (word, tag)): (usize, &(String, Tag))| {
        let small = matches!(
            tag,
            Tag::Adposition
                | Tag::CoordinatingConjunction
                | Tag::Determiner
                | Tag::Particle
                | Tag::SubordinatingConjunction
        );
        (if small && index > 0 { word.clone() } else { capitalised(word) }, *tag)
    };
    sentence.iter().enumerate().map(capitalised).collect()
}

fn lower(sentence: &Sentence) -> Sentence {
    sentence.iter().map(|(word, tag)| (word.to_lowercase(), *tag)).collect()
}

fn capitalised(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_copies() {
        let words = [
            ("the", Tag::Determiner),
            ("iPod", Tag::ProperNoun),
            ("in", Tag::Adposition),
            ("use", Tag::Noun),
        ];
        let sentence: Sentence = words.iter().map(|(word, tag)| ((*word).to_owned(), *tag)).collect();
        let copies = recased(&[sentence]);
        let texts: Vec<String> = copies
            .iter()
            .map(|copy| copy.iter().map(|(word, _)| word.as_str()).collect::<Vec<_>>().join(" "))
            .collect();
        assert_eq!(texts, ["the iPod in use", "the iPod in use", "The IPod in Use", "the ipod in use"]);
        assert!(
            copies.iter().all(|copy| copy.iter().map(|(_, tag)| *tag).eq(words.iter().map(|(_, tag)| *tag)))
        );
        assert_eq!(recased(&[vec![(String::new(), Tag::Other)]])[2], [(String::new(), Tag::Other)]);
    }
}
