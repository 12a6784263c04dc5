//! Cleaners for the kinds of text that recommenders meet.

use super::{Cleaner, Found};

impl Cleaner {
    /// For titles and names of items: [`Cleaner::new`], and URLs and emoji dropped, repeated punctuation
    /// shortened.
    ///
    /// Nothing that may be part of a name is touched: model numbers that look like phone numbers, `#Alive`,
    /// `@Home`, `Schifffahrt`.
    ///
    /// ```
    /// let cleaner = rec_text::Cleaner::titles();
    /// assert_eq!(cleaner.clean("🔥<b>NEW</b>!!! Sony WH-1000XM4&nbsp;(2020) www.example.com"), "NEW! Sony WH-1000XM4 (2020)");
    /// assert_eq!(cleaner.clean("#Alive &amp; C#"), "#Alive & C#");
    /// ```
    #[must_use]
    pub const fn titles() -> Self {
        Self::new().urls(Found::Drop).emoji(Found::Drop).repeated_punctuation(true)
    }

    /// For reviews and comments: [`Cleaner::new`], and URLs, e-mail addresses and phone numbers dropped,
    /// hashtags as words, repeated punctuation and letters shortened.
    ///
    /// Emoji stay, because they say how the writer liked it, and so do mentions, which may name a brand.
    ///
    /// ```
    /// let cleaner = rec_text::Cleaner::reviews();
    /// assert_eq!(cleaner.clean("Sooooo good!!!! 😍 #MustBuy<br/>call 13812345678"), "Soo good! 😍 Must Buy call");
    /// ```
    #[must_use]
    pub const fn reviews() -> Self {
        let links = Self::titles().emails(Found::Drop).phones(Found::Drop).emoji(Found::Keep);
        links.hashtags(Found::Words).repeated_letters(true)
    }

    /// For posts of social networks: as [`reviews`](Cleaner::reviews), and mentions and emoji dropped too.
    ///
    /// What is left is what the post is about: whom it is addressed to is no topic, and emoji seldom are.
    ///
    /// ```
    /// let cleaner = rec_text::Cleaner::posts();
    /// assert_eq!(cleaner.clean("@anna look: https://t.co/x #SlowFood 😋😋"), "look: Slow Food");
    /// assert_eq!(cleaner.clean("#新年快乐#今天真好！！！//@小明:转发微博http://t.cn/abc"), "新年快乐 今天真好!//:转发微博");
    /// ```
    #[must_use]
    pub const fn posts() -> Self {
        Self::reviews().mentions(Found::Drop).emoji(Found::Drop)
    }
}
