//! Closed sets of words in the API and the database.

/// Makes an enum whose variants are words: for JSON, for SQL and for OpenAPI.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$variant_doc:meta])* $variant:ident = $word:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, utoipa::ToSchema)]
        pub enum $name {
            $($(#[$variant_doc])* #[serde(rename = $word)] $variant,)+
        }

        impl $name {
            /// Every word, in order.
            pub const WORDS: &'static [&'static str] = &[$($word),+];

            /// The word.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $word,)+ }
            }

            /// The variant of a word.
            pub fn parse(word: &str) -> Option<Self> {
                match word { $($word => Some(Self::$variant),)+ _ => None }
            }
        }
    };
}

pub(crate) use words;

words! {
    /// Whether a workflow may run.
    WorkflowStatus {
        /// It runs when triggered.
        Active = "active",
        /// It is switched off.
        Inactive = "inactive",
        /// It is switched off for a while.
        Paused = "paused",
    }
}

words! {
    /// Where an execution stands.
    ExecutionStatus {
        /// Asked for, not begun.
        Pending = "pending",
        /// Some process works on it.
        Running = "running",
        /// Every step ran, or a condition ended it early; failed steps were allowed to fail.
        Completed = "completed",
        /// A step failed, or it was interrupted where it could not go on.
        Failed = "failed",
        /// Someone stopped it.
        Cancelled = "cancelled",
    }
}

words! {
    /// What made an execution.
    TriggerType {
        /// A request.
        Manual = "manual",
        /// The workflow's cron expression.
        Scheduled = "scheduled",
        /// A file that arrived.
        FileUpload = "file_upload",
        /// A file whose text was extracted.
        FileProcessed = "file_processed",
    }
}

words! {
    /// Where a step of an execution stands.
    StepStatus {
        /// It was begun; no end is known.
        Running = "running",
        /// It did its work.
        Completed = "completed",
        /// It did not.
        Failed = "failed",
    }
}

words! {
    /// The life of a file.
    FileStatus {
        /// It arrived.
        Uploaded = "uploaded",
        /// Its text is being extracted.
        Processing = "processing",
        /// Its text is there.
        Processed = "processed",
        /// Its text could not be extracted.
        Failed = "failed",
        /// It is gone; the row remains.
        Deleted = "deleted",
    }
}
