//! What the black-box tests share: a server in a folder of its own, and answers of the faces in a form that can be compared.

pub mod faces;
pub mod fixture;
pub mod installation;
pub mod tap;
