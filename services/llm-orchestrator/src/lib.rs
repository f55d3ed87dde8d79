//! Chat, sessions, embeddings and table analysis on Gemini, each call priced.
