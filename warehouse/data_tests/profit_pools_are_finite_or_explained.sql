-- table: mart.profit_pools
-- severity: error
-- rule: Every margin and share is a finite number, and a row without a margin, or a member of a perimeter without its share, says why.
SELECT entity_kind, entity, span, quarter, gross_margin_pct, operating_margin_pct, share_of_chain_pct, missing_reason
FROM mart.profit_pools
WHERE NOT isfinite(gross_margin_pct) OR NOT isfinite(operating_margin_pct) OR NOT isfinite(share_of_parent_pct)
    OR NOT isfinite(share_of_chain_pct) OR NOT isfinite(share_of_compute_and_cloud_pct)
    OR ((gross_margin_pct IS NULL OR operating_margin_pct IS NULL OR (in_chain AND share_of_chain_pct IS NULL)
        OR (in_compute_and_cloud AND share_of_compute_and_cloud_pct IS NULL)) AND missing_reason IS NULL)
