from dashboard.app import navigation
from dashboard.deployments import listing

listing.draw(navigation.DEPLOYMENTS)
