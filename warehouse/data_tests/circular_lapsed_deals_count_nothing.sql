-- table: mart.circular_commitments
-- severity: error
-- rule: Lapsed deals, marks, superseded rows and rows outside totals count zero, with a reason; all others count their amount.
SELECT reference_id, status, flow, conflict_resolution, amount_usd, counted_usd, not_counted_reason
FROM mart.circular_commitments
WHERE ((status = 'lapsed' OR flow = 'mark' OR conflict_resolution <> 'used' OR amount_usd IS NULL) AND counted_usd <> 0)
    OR (counts_in_totals AND counted_usd <> amount_usd)
    OR counts_in_totals <> (not_counted_reason IS NULL)
