//! Film titles as people say them.

/// Articles that catalogues put at the end so that titles sort by their first real word.
const ARTICLES: [&str; 19] = [
    "The", "A", "An", "La", "Le", "Les", "L'", "Il", "El", "Los", "Las", "Lo", "Der", "Die", "Das", "Det",
    "Den", "De", "O",
];

/// Puts an article that a catalogue moved to the end back to the front, also within a last pair of parentheses.
///
/// A language model has read "The Usual Suspects" many times, and "Usual Suspects, The" hardly ever.
///
/// ```
/// use rec_examples::titles::natural;
///
/// assert_eq!(natural("Usual Suspects, The"), "The Usual Suspects");
/// assert_eq!(natural("Blue Angel, The (Blaue Engel, Der)"), "The Blue Angel (Der Blaue Engel)");
/// assert_eq!(natural("Avventura, L'"), "L'Avventura");
/// assert_eq!(natural("Paris, Texas"), "Paris, Texas");
/// ```
#[must_use]
pub fn natural(title: &str) -> String {
    match title.strip_suffix(')').and_then(|title| title.rsplit_once(" (")) {
        Some((title, other)) => format!("{} ({})", article_first(title), article_first(other)),
        None => article_first(title),
    }
}

fn article_first(title: &str) -> String {
    match title.rsplit_once(", ") {
        Some((rest, article)) if ARTICLES.contains(&article) => {
            let space = if article.ends_with('\'') { "" } else { " " };
            format!("{article}{space}{rest}")
        }
        _ => title.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::natural;

    #[test]
    fn only_articles_move() {
        for title in ["", "Corrina, Corrina", "The", ", ", "Seven (Se7en)", "I, Robot (a, b)", "((", "())"] {
            assert_eq!(natural(title), title);
        }
        assert_eq!(natural(", The"), "The ");
    }
}
