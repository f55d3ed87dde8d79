//! Puts the spans of a trace back below the resources and scopes that they share.

use std::collections::HashMap;
use std::sync::Arc;

use model::{Resource, Scope, Span};

/// Spans of one resource.
pub(super) struct ResourceGroup<'a> {
    pub(super) resource: &'a Arc<Resource>,
    pub(super) scopes: Vec<ScopeGroup<'a>>,
}

/// Spans of one resource and scope.
pub(super) struct ScopeGroup<'a> {
    pub(super) scope: &'a Arc<Scope>,
    pub(super) spans: Vec<&'a Span>,
}

/// Groups `spans`, in order of first appearance. Equal resources become one group even when they are several objects.
pub(super) fn group(spans: &[Span]) -> Vec<ResourceGroup<'_>> {
    let mut groups: Vec<ResourceGroup<'_>> = Vec::new();
    // Comparing attributes span by span would be quadratic; most spans share the object itself.
    let mut known_resources: HashMap<*const Resource, usize> = HashMap::new();
    let mut known_scopes: HashMap<(usize, *const Scope), usize> = HashMap::new();
    for span in spans {
        let at = *known_resources.entry(Arc::as_ptr(&span.resource)).or_insert_with(|| {
            let equal = groups.iter().position(|group| group.resource == &span.resource);
            equal.unwrap_or_else(|| {
                groups.push(ResourceGroup { resource: &span.resource, scopes: Vec::new() });
                groups.len() - 1
            })
        });
        let scopes = &mut groups[at].scopes;
        let scope_at = *known_scopes.entry((at, Arc::as_ptr(&span.scope))).or_insert_with(|| {
            let equal = scopes.iter().position(|group| group.scope == &span.scope);
            equal.unwrap_or_else(|| {
                scopes.push(ScopeGroup { scope: &span.scope, spans: Vec::new() });
                scopes.len() - 1
            })
        });
        scopes[scope_at].spans.push(span);
    }
    groups
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::KeyValue;

    #[test]
    fn equal_resources_become_one_group() {
        let resource = |name: &str| {
            Arc::new(Resource { attributes: vec![KeyValue::new("service.name", name)], ..Resource::default() })
        };
        let span = |resource: &Arc<Resource>, scope: &str| Span {
            resource: resource.clone(),
            scope: Arc::new(Scope { name: scope.to_owned(), ..Scope::default() }),
            ..Span::default()
        };
        let (a, a_again, b) = (resource("a"), resource("a"), resource("b"));
        let spans = [span(&a, "x"), span(&b, "x"), span(&a_again, "x"), span(&a, "y")];
        let shape: Vec<Vec<usize>> =
            group(&spans).iter().map(|group| group.scopes.iter().map(|scope| scope.spans.len()).collect()).collect();
        assert_eq!(shape, [vec![2, 1], vec![1]]);
    }
}
