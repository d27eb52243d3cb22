-- table: mart.ai_depreciation_fit
-- severity: error
-- rule: No fitted share can be moved by one point, inside its bounds, to a smaller squared error over the anchors; every null has a reason.
WITH shares AS (
    SELECT share_path, in_service_lag_quarters AS lag,
        max(value) FILTER (name = 'share_before') AS share_before, max(value) FILTER (name = 'share_since') AS share_since
    FROM mart.ai_depreciation_fit
    WHERE share_path IN ('two_level', 'constant')
    GROUP BY ALL
), anchors AS (
    -- What the model gives per unit of each share follows from two paths that share a lag.
    SELECT a.in_service_lag_quarters AS lag, a.name, a.period_end_date, a.published_value,
        max(a.value) FILTER (a.share_path = 'two_level') AS two_level, max(a.value) FILTER (a.share_path = 'constant') AS constant
    FROM mart.ai_depreciation_fit AS a
    WHERE a.kind = 'anchor'
    GROUP BY ALL
), units AS (
    SELECT a.*, t.share_before, t.share_since, c.share_since AS flat,
        -- two_level = before × b + since × s and constant = flat × (before + since)
        (a.two_level - t.share_since * a.constant / c.share_since) / nullif(t.share_before - t.share_since, 0) AS per_before
    FROM anchors AS a
    JOIN shares AS t ON t.lag = a.lag AND t.share_path = 'two_level'
    JOIN shares AS c ON c.lag = a.lag AND c.share_path = 'constant'
), moved AS (
    SELECT u.lag, m.before_step, m.since_step,
        sum((u.two_level / u.published_value - 1) ** 2) AS error,
        sum(((u.two_level + m.before_step * u.per_before + m.since_step * (u.constant / u.flat - u.per_before))
            / u.published_value - 1) ** 2) AS error_moved
    FROM units AS u
    CROSS JOIN (VALUES (0.01, 0.0), (-0.01, 0.0), (0.0, 0.01), (0.0, -0.01)) AS m(before_step, since_step)
    WHERE u.share_before + m.before_step BETWEEN 0 AND 1 AND u.share_since + m.since_step BETWEEN 0 AND 1
        AND u.per_before IS NOT NULL
    GROUP BY ALL
)
SELECT lag::VARCHAR AS item, error, error_moved FROM moved WHERE error_moved < error - 1e-12
UNION ALL
SELECT name, value, NULL FROM mart.ai_depreciation_fit WHERE (value IS NULL) <> (missing_reason IS NOT NULL) OR NOT isfinite(value)
